use super::*;

fn told(found: &[Observation]) -> Vec<String> {
    found
        .iter()
        .map(|one| {
            format!(
                "{} {} {} @ {}",
                one.severity,
                one.category,
                one.message,
                one.location.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

#[test]
fn compile_errors_have_a_message_and_a_place() {
    let found = compile_errors("", include_str!("../report/fixtures/cargo_compile.err.txt"));
    assert_eq!(
        told(&found),
        [
            "major build mismatched types (E0308) @ src/lib.rs:1",
            "major build cannot find function `nothere` in this scope (E0425) @ src/lib.rs:2",
        ]
    );
}

#[test]
fn go_and_typescript_have_their_places_too() {
    let go = "# example.org/rep/c [example.org/rep/c.test]\nc/c_test.go:5:28: undefined: undefinedFn\n./main.go:3:1: expected declaration\n";
    assert_eq!(
        told(&compile_errors("", go)),
        [
            "major build undefined: undefinedFn @ c/c_test.go:5",
            "major build expected declaration @ main.go:3",
        ]
    );
    assert!(compile_errors("", "svc.go:5:1: logged\n").is_empty());
    let tsc = "src/a.ts(1,22): error TS2307: Cannot find module './billing'.\n";
    assert_eq!(
        told(&compile_errors(tsc, "")),
        ["major build TS2307: Cannot find module './billing'. @ src/a.ts:1"]
    );
}

#[test]
fn python_syntax_errors_are_compile_errors() {
    let text = "***   File \"./app/bad.py\", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax\n\n";
    assert_eq!(
        told(&compile_errors(text, "")),
        ["major build SyntaxError: invalid syntax @ app/bad.py:3"]
    );
    assert!(
        compile_errors("SyntaxError: invalid syntax", "").is_empty(),
        "no place, no finding"
    );
}

#[test]
fn clippy_warnings_are_medium_and_denied_ones_major() {
    let warned = lints(
        "",
        include_str!("../report/fixtures/cargo_clippy.err.txt"),
        false,
    );
    assert_eq!(
        told(&warned),
        [
            "medium lint unused variable: `unused` @ src/lib.rs:1",
            "medium lint writing `&Vec` instead of `&[_]` involves a new object where a slice will do @ src/lib.rs:1",
            "medium lint length comparison to zero @ src/lib.rs:1",
        ]
    );
    let denied = lints(
        "",
        include_str!("../report/fixtures/cargo_clippyd.err.txt"),
        true,
    );
    assert_eq!(denied.len(), 3);
    assert!(denied.iter().all(|one| one.severity == Severity::Major));
}

#[test]
fn linters_for_python_are_read_in_their_two_forms() {
    let text = "F401 [*] `os` imported but unused\n --> app/a.py:1:8\n  |\n1 | import os\n\napp/b.py:3:1: E302 expected 2 blank lines\napp/c.py:9: error: bad type  [arg-type]\nFound 3 errors.\n";
    assert_eq!(
        told(&lints(text, "", true)),
        [
            "major lint F401 [*] `os` imported but unused @ app/a.py:1",
            "major lint E302 expected 2 blank lines @ app/b.py:3",
            "major lint error: bad type  [arg-type] @ app/c.py:9",
        ]
    );
}

/// Each as `severity message @ place`.
fn documented(text: &str, format: ReportFormat) -> Vec<String> {
    let auto = documents(&[text], ReportFormat::Auto);
    let named = documents(&["", text], format).expect("a document");
    assert_eq!(auto.as_ref(), Some(&named));
    let one = |said: &Said| {
        let place = said.location.as_deref().unwrap_or("-");
        format!("{} {} @ {place}", said.severity, said.message)
    };
    named.iter().map(one).collect()
}

#[test]
fn sarif_tells_levels_rules_and_weaknesses() {
    let text = r#"{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{
      "tool": {"driver": {"name": "scan", "rules": [
        {"id": "sql-injection", "properties": {"security-severity": "8.8"}},
        {"id": "weak-hash", "defaultConfiguration": {"level": "note"}, "shortDescription": {"text": "MD5 is weak"}},
        {"id": "style"}]}},
      "results": [
        {"ruleId": "sql-injection", "level": "warning", "message": {"text": "query is built\nfrom input"},
         "locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///home/rep/src/a%20b.py"}, "region": {"startLine": 7, "startColumn": 1}}}]},
        {"ruleIndex": 1, "message": {}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/h.py"}, "region": {"startLine": 2}}}]},
        {"ruleId": "style", "message": {"text": "too long"}},
        {"ruleId": "style", "kind": "pass", "message": {"text": "fine"}},
        {"ruleId": "style", "message": {"text": "known"}, "suppressions": [{"kind": "inSource"}]},
        {"ruleId": "style", "message": {"text": "gone"}, "baselineState": "absent"}]}]}"#;
    assert_eq!(
        documented(text, ReportFormat::Sarif),
        [
            "major query is built, from input (sql-injection) @ /home/rep/src/a b.py:7",
            "minor MD5 is weak (weak-hash) @ src/h.py:2",
            "medium too long (style) @ -",
        ]
    );
}

#[test]
fn linters_documents_are_told_apart() {
    let eslint = r#"[{"filePath":"/home/rep/a.js","messages":[{"ruleId":"no-undef","severity":1,"message":"'foo' is not defined.","line":2,"column":1},{"ruleId":null,"fatal":true,"severity":2,"message":"Parsing error: x","line":3}],"errorCount":1}]"#;
    assert_eq!(
        documented(
            &format!("\n> x@1 lint\n> eslint -f json .\n\n{eslint}\n"),
            ReportFormat::Eslint
        ),
        [
            "medium 'foo' is not defined. (no-undef) @ /home/rep/a.js:2",
            "major Parsing error: x @ /home/rep/a.js:3"
        ]
    );
    let ruff = r#"[
  {"cell": null, "code": "F401", "end_location": {"column": 10, "row": 1}, "filename": "/home/rep/a.py", "fix": null, "location": {"column": 8, "row": 1}, "message": "`os` imported but unused", "noqa_row": 1, "url": "x"}
]"#;
    assert_eq!(
        documented(ruff, ReportFormat::Ruff),
        ["major `os` imported but unused (F401) @ /home/rep/a.py:1"]
    );
    let shellcheck = r#"[{"file":"./a.sh","line":2,"endLine":2,"column":6,"endColumn":8,"level":"info","code":2086,"message":"Double quote.","fix":null}]"#;
    assert_eq!(
        documented(shellcheck, ReportFormat::Shellcheck),
        ["minor Double quote. (SC2086) @ a.sh:2"]
    );
    let pylint = r#"[{"type": "convention", "module": "a", "obj": "", "line": 1, "column": 0, "path": "a.py", "symbol": "missing-module-docstring", "message": "Missing module docstring", "message-id": "C0114"}]"#;
    assert_eq!(
        documented(pylint, ReportFormat::Pylint),
        ["minor Missing module docstring (missing-module-docstring) @ a.py:1"]
    );
    let golangci = r#"{"Issues":[{"FromLinter":"errcheck","Text":"Error return value is not checked","Severity":"","SourceLines":["f()"],"Pos":{"Filename":"a.go","Offset":3,"Line":9,"Column":2}}],"Report":{}}"#;
    assert_eq!(
        documented(golangci, ReportFormat::Golangci),
        ["major Error return value is not checked (errcheck) @ a.go:9"]
    );
    let rubocop = r#"{"metadata":{"rubocop_version":"1.5"},"files":[{"path":"a.rb","offenses":[{"severity":"convention","message":"Style/X: no.","cop_name":"Style/X","corrected":false,"location":{"start_line":1,"line":1,"column":1}}]}],"summary":{"offense_count":1}}"#;
    assert_eq!(
        documented(rubocop, ReportFormat::Rubocop),
        ["minor Style/X: no. @ a.rb:1"]
    );
    let phpstan = r#"{"totals":{"errors":0,"file_errors":1},"files":{"/home/rep/a.php":{"errors":1,"messages":[{"message":"Undefined variable: $x","line":4,"ignorable":true,"identifier":"variable.undefined"}]}},"errors":[]}"#;
    assert_eq!(
        documented(phpstan, ReportFormat::Phpstan),
        ["major Undefined variable: $x (variable.undefined) @ /home/rep/a.php:4"]
    );
    let green = r#"{"totals":{"errors":0,"file_errors":0},"files":[],"errors":[]}"#;
    assert!(documented(green, ReportFormat::Phpstan).is_empty());
    let audit = r#"{"database":{"advisory-count":1},"lockfile":{"dependency-count":9},"settings":{},"vulnerabilities":{"found":true,"count":1,"list":[{"advisory":{"id":"RUSTSEC-2020-0001","package":"x","title":"overflow"},"versions":{},"package":{"name":"x","version":"1.0.0"}}]},"warnings":{"yanked":[{"kind":"yanked","package":{"name":"y","version":"2.0.0"},"advisory":null}]}}"#;
    assert_eq!(
        documented(audit, ReportFormat::CargoAudit),
        [
            "major x 1.0.0: overflow (RUSTSEC-2020-0001) @ -",
            "medium y 2.0.0: yanked @ -"
        ]
    );
}

#[test]
fn events_are_read_line_by_line() {
    let cargo = concat!(
        r#"{"reason":"compiler-artifact","package_id":"x","target":{}}"#,
        "\n",
        r#"{"reason":"compiler-message","package_id":"x","message":{"rendered":"error","$message_type":"diagnostic","children":[],"code":{"code":"E0308","explanation":""},"level":"error","message":"mismatched types","spans":[{"file_name":"src/b.rs","is_primary":false,"line_start":1},{"file_name":"src/a.rs","is_primary":true,"line_start":3}]}}"#,
        "\n",
        r#"{"reason":"compiler-message","package_id":"x","message":{"code":null,"level":"error","message":"aborting due to 1 previous error","spans":[]}}"#,
        "\n",
        r#"{"reason":"build-finished","success":false}"#,
        "\n",
    );
    assert_eq!(
        documented(cargo, ReportFormat::Rustc),
        ["major mismatched types (E0308) @ src/a.rs:3"]
    );
    assert_eq!(
        told(&compile_errors(cargo, "")),
        ["major build mismatched types (E0308) @ src/a.rs:3"]
    );
    let mypy = "{\"file\": \"a.py\", \"line\": 4, \"column\": 11, \"message\": \"bad type\", \"hint\": null, \"code\": \"return-value\", \"severity\": \"error\"}\nFound 1 error in 1 file (checked 1 source file)\n";
    assert_eq!(
        documented(mypy, ReportFormat::Mypy),
        ["major bad type (return-value) @ a.py:4"]
    );
}

#[test]
fn a_named_document_may_be_an_empty_list() {
    assert_eq!(documents(&["[]\n"], ReportFormat::Eslint), Some(Vec::new()));
    assert_eq!(documents(&["[]\n"], ReportFormat::Auto), None);
    assert_eq!(documents(&["all good\n"], ReportFormat::Eslint), None);
}

#[test]
fn compilers_of_c_and_java_have_their_places() {
    let gcc = "a.c: In function ‘main’:\na.c:1:22: warning: initialization of ‘int’ [-Wint-conversion]\na.c:1:34: error: ‘y’ undeclared (first use in this function)\na.c:1:34: note: each undeclared identifier\n/usr/bin/ld: /tmp/x.o: in function `main':\na.c:(.text+0x5): undefined reference to `foo'\n";
    assert_eq!(
        told(&compile_errors("", gcc)),
        [
            "major build ‘y’ undeclared (first use in this function) @ a.c:1",
            "major build undefined reference to `foo' @ -",
        ]
    );
    let javac = "src/A.java:4: error: cannot find symbol\n1 error\n";
    assert_eq!(
        told(&compile_errors("", javac)),
        ["major build cannot find symbol @ src/A.java:4"]
    );
    let maven = "[ERROR] COMPILATION ERROR : \n[ERROR] /home/rep/src/A.java:[4,63] cannot find symbol\n[ERROR] /home/rep/src/A.java:[4,63] cannot find symbol\n";
    assert_eq!(
        told(&compile_errors(maven, "")),
        ["major build cannot find symbol @ /home/rep/src/A.java:4"]
    );
}

#[test]
fn levels_that_lines_tell_of_count() {
    let text = "a.sh:2:6: note: Double quote. [SC2086]\na.sh:3:1: warning: foo appears unused. [SC2034]\na.sh:9:1: error: no. [SC1]\n10:15:32: started\n/home/rep/a.php:12:Undefined variable\na.rb:1:1: C: [Correctable] Style/X: no\na.py:1:0: C0114: Missing module docstring\n";
    assert_eq!(
        told(&lints(text, "", true)),
        [
            "minor lint note: Double quote. [SC2086] @ a.sh:2",
            "medium lint warning: foo appears unused. [SC2034] @ a.sh:3",
            "major lint error: no. [SC1] @ a.sh:9",
            "major lint Undefined variable @ /home/rep/a.php:12",
            "minor lint C: [Correctable] Style/X: no @ a.rb:1",
            "minor lint C0114: Missing module docstring @ a.py:1",
        ]
    );
    let vet = "# ex.org/a\n./a_test.go:7:1: ExampleX refers to unknown identifier: X\n";
    assert_eq!(
        told(&lints("", vet, true)),
        ["major lint ExampleX refers to unknown identifier: X @ a_test.go:7"]
    );
}

#[test]
fn eslint_and_typescript_for_people_are_read_too() {
    let text = "\n/home/rep/a.js\n  1:5   error    'x' is assigned a value but never used  no-unused-vars\n  2:1   warning  'foo' is not defined                    no-undef\n\n✖ 2 problems (1 error, 1 warning)\n";
    assert_eq!(
        told(&lints(text, "", true)),
        [
            "major lint 'x' is assigned a value but never used  no-unused-vars @ /home/rep/a.js:1",
            "medium lint 'foo' is not defined                    no-undef @ /home/rep/a.js:2",
        ]
    );
    let pretty = "\u{1b}[96ma.ts\u{1b}[0m:\u{1b}[93m1\u{1b}[0m:\u{1b}[93m5\u{1b}[0m - \u{1b}[91merror\u{1b}[0m\u{1b}[90m TS2322: \u{1b}[0mType 'string' is wrong.\n";
    assert_eq!(
        told(&compile_errors(pretty, "")),
        ["major build TS2322: Type 'string' is wrong. @ a.ts:1"]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_reader_fail(text in proptest::prelude::any::<String>(), kind in 0..5_usize) {
        let begin = ["[{\"filePath\":\"\",\"messages\":", "{\"version\":\"\",\"runs\":", "{\"reason\":\"compiler-message\",", "[{\"file\":\"\",\"level\":\"\",\"endColumn\":", "a.c:1:2: "];
        let text = format!("{}{text}", begin[kind]);
        let _ = documents(&[&text], ReportFormat::Auto);
        let _ = lints(&text, &text, true);
        let _ = compile_errors(&text, &text);
    }
}

#[test]
fn what_nests_without_end_is_no_document() {
    for begin in ["[", "{\"runs\":", "{\"version\":[", "[{\"filePath\":"] {
        let text = begin.repeat(100_000);
        assert_eq!(documents(&[&text], ReportFormat::Auto), None);
    }
}
