use todo::list::{Item, NoSuchItem, TodoList};

fn list(titles: &[&str]) -> TodoList {
    let mut list = TodoList::default();
    for title in titles {
        list.add(Item::new(title));
    }
    list
}

#[test]
fn items_are_listed_in_the_order_in_which_they_were_added() {
    let list = list(&["buy milk", "call mum", "water plants"]);

    assert_eq!(
        list.to_string(),
        "1 [ ] buy milk\n2 [ ] call mum\n3 [ ] water plants\n0 of 3 done\n"
    );
}

#[test]
fn a_completed_item_is_marked() {
    let mut list = list(&["buy milk"]);

    assert_eq!(list.complete(1).map(|item| item.done), Ok(true));

    assert_eq!(list.to_string(), "1 [x] buy milk\n1 of 1 done\n");
}

#[test]
fn a_removed_item_makes_room_for_those_behind_it() {
    let mut list = list(&["buy milk", "call mum"]);

    assert_eq!(list.remove(1), Ok(Item::new("buy milk")));

    assert_eq!(list.items(), [Item::new("call mum")]);
}

#[test]
fn a_number_that_no_item_has_is_refused() {
    let mut list = list(&["buy milk"]);

    assert_eq!(list.complete(2), Err(NoSuchItem(2)));
    assert_eq!(list.remove(0), Err(NoSuchItem(0)));
}

#[test]
fn white_space_in_a_title_becomes_single_blanks() {
    assert_eq!(Item::new("  buy\n\tmilk ").title, "buy milk");
}
