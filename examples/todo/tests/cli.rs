//! Runs the program itself, each test on a list of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Todo {
    file: PathBuf,
}

impl Todo {
    fn new(name: &str) -> Self {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.txt"));
        let _ = fs::remove_file(&file);
        Self { file }
    }

    fn run(&self, args: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_todo"))
            .args(args.split(' '))
            .env("TODO_FILE", &self.file)
            .output()
            .expect("todo starts")
    }

    fn says(&self, args: &str) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn refuses(&self, args: &str) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }
}

#[test]
fn an_item_is_remembered_from_one_call_to_the_next() {
    let todo = Todo::new("remembered");

    assert_eq!(todo.says("add buy milk"), "added 1: buy milk\n");
    assert_eq!(todo.says("done 1"), "done 1: buy milk\n");

    assert_eq!(todo.says("list"), "1 [x] buy milk\n1 of 1 done\n");
}

#[test]
fn a_removed_item_is_gone() {
    let todo = Todo::new("removed");
    todo.says("add buy milk");

    assert_eq!(todo.says("remove 1"), "removed 1: buy milk\n");

    assert_eq!(todo.says("list"), "0 of 0 done\n");
}

#[test]
fn a_mistake_is_explained() {
    let todo = Todo::new("mistakes");

    assert_eq!(
        todo.refuses("add"),
        "todo: an item needs a title; try `todo help`\n"
    );
    assert_eq!(
        todo.refuses("done twice"),
        "todo: \"twice\" is not the number of an item; try `todo help`\n"
    );
    assert_eq!(todo.refuses("done 7"), "todo: there is no item 7\n");
}
