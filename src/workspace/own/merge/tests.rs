use super::*;
use crate::workspace::git::fixture::Fixture;

/// Three commits of a repository: a base, and what each side makes of it.
struct Sides {
    own: OwnGit,
    base: TreeId,
    ours: TreeId,
    theirs: TreeId,
}

type Files<'a> = &'a [(&'a str, &'a str)];

fn sides(fixture: &Fixture, base: Files<'_>, ours: Files<'_>, theirs: Files<'_>) -> Sides {
    let top = fixture.repository("r", base);
    let start = fixture.git(&top, &["rev-parse", "HEAD"]);
    let own = fixture.own(&fixture.open(&top));
    let mut tree_of = |files: Files<'_>| {
        fixture.git(&top, &["checkout", "-q", "--detach", &start]);
        fixture.git(&top, &["rm", "-q", "-r", "."]);
        fixture.commit(&top, files);
        let user = fixture.open(&top);
        own.fetch_base(&user, &user.base_commit).unwrap();
        user.base_tree
    };
    let [base, ours, theirs] = [base, ours, theirs].map(&mut tree_of);
    Sides {
        own,
        base,
        ours,
        theirs,
    }
}

/// Merges in both ways, which must come to the same.
fn merged(sides: &Sides) -> Merged {
    let by = |method| {
        let Sides {
            own,
            base,
            ours,
            theirs,
        } = sides;
        own.merge_by(method, base, ours, theirs).unwrap()
    };
    let merged = by(Method::Files);
    if git_version().unwrap() >= MERGES_TREES {
        assert_eq!(by(Method::Trees), merged);
    }
    let left = std::fs::read_dir(sides.own.dir().join("rgpt"))
        .into_iter()
        .flatten();
    assert_eq!(left.count(), 0, "nothing stays behind");
    merged
}

#[test]
fn changes_in_different_places_are_joined() {
    let fixture = Fixture::new();
    let text = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n{last}\n");
    let (base, ours, theirs) = (text("1", "7"), text("one", "7"), text("1", "seven"));
    let sides = sides(
        &fixture,
        &[
            ("a", &base),
            ("gone", "g\n"),
            ("same", "s\n"),
            ("d/x", "x\n"),
        ],
        &[
            ("a", &ours),
            ("gone", "g\n"),
            ("same", "s\n"),
            ("d/x", "x\n"),
            ("ours", "o\n"),
        ],
        &[
            ("a", &theirs),
            ("same", "s\n"),
            ("d/x", "x\n"),
            ("d/theirs", "t\n"),
        ],
    );
    let Merged::Clean(tree) = merged(&sides) else {
        panic!("it is no conflict");
    };
    let files = sides.own.list_files(&tree).unwrap();
    assert_eq!(files, ["a", "d/theirs", "d/x", "ours", "same"]);
    let a = sides.own.read_blob(&tree, "a").unwrap();
    assert_eq!(a, Some(text("one", "seven").into_bytes()));
}

#[test]
fn conflicts_are_named() {
    let fixture = Fixture::new();
    let sides = sides(
        &fixture,
        &[
            ("line", "1\n"),
            ("gone", "1\n"),
            ("bytes", "\0 1\n"),
            ("fine", "1\n"),
        ],
        &[
            ("line", "2\n"),
            ("gone", "2\n"),
            ("bytes", "\0 2\n"),
            ("fine", "1\n"),
            ("both", "2\n"),
        ],
        &[
            ("line", "3\n"),
            ("bytes", "\0 3\n"),
            ("fine", "3\n"),
            ("both", "3\n"),
        ],
    );
    let paths = ["both", "bytes", "gone", "line"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(merged(&sides), Merged::Conflicts(paths));
}

#[test]
fn what_both_sides_did_alike_is_no_conflict() {
    let fixture = Fixture::new();
    let both: Files<'_> = &[("a", "2\n"), ("new", "n\n")];
    let sides = sides(&fixture, &[("a", "1\n"), ("gone", "g\n")], both, both);
    assert_eq!(merged(&sides), Merged::Clean(sides.ours.clone()));
}

#[test]
fn no_attribute_of_the_tree_has_a_say() {
    let fixture = Fixture::new();
    let attributes = (".gitattributes", "* merge=binary -text\n");
    let text = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n{last}\n");
    let (base, ours, theirs) = (text("1", "7"), text("one", "7"), text("1", "seven"));
    let sides = sides(
        &fixture,
        &[attributes, ("a", &base)],
        &[attributes, ("a", &ours)],
        &[attributes, ("a", &theirs)],
    );
    assert!(matches!(merged(&sides), Merged::Clean(_)));
}
