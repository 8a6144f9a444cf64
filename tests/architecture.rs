//! Which file of `src` imports which: no circles, and walls that stand.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, UseTree};

/// The path of a module below the crate: `["plan", "classic"]`. That of `lib.rs` is empty.
type Module = Vec<String>;
type Edges = BTreeMap<Module, BTreeSet<Module>>;

/// What one file says outside of its tests.
#[derive(Debug, Default)]
struct File {
    imports: BTreeSet<Module>,
    /// Modules in files of their own that only tests have.
    test_modules: BTreeSet<String>,
    /// It calls `.profile()`.
    asks_profile: bool,
}

/// The files of `src`, by module.
fn files() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.insert(module_of(path.strip_prefix(&root).unwrap()), fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

fn module_of(file: &Path) -> Module {
    let mut module: Module =
        file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

fn parse_all() -> BTreeMap<Module, File> {
    let sources = files();
    let modules = sources.keys().cloned().collect();
    let mut parsed: BTreeMap<Module, File> =
        sources.iter().map(|(module, source)| (module.clone(), parse(module, source, &modules))).collect();
    let tests: Vec<Module> = parsed
        .iter()
        .flat_map(|(module, file)| file.test_modules.iter().map(|name| below(module, [name.clone()])))
        .collect();
    parsed.retain(|module, _| !tests.contains(module));
    parsed
}

fn parse(module: &Module, source: &str, modules: &BTreeSet<Module>) -> File {
    let mut reader = Reader { module, within: module.clone(), modules, file: File::default() };
    reader.visit_file(&syn::parse_file(source).unwrap());
    reader.file
}

fn below(module: &[String], names: impl IntoIterator<Item = String>) -> Module {
    module.iter().cloned().chain(names).collect()
}

/// Reads a file.
struct Reader<'a> {
    module: &'a Module,
    /// The module that is read, inside of the file.
    within: Module,
    modules: &'a BTreeSet<Module>,
    file: File,
}

impl Reader<'_> {
    /// Notes the file that a path leads to, if it is one of this crate.
    fn note(&mut self, path: &[String]) {
        let Some((first, rest)) = path.split_first() else { return };
        let supers = path.iter().take_while(|part| *part == "super").count();
        let full = match first.as_str() {
            "crate" => rest.to_vec(),
            "self" => below(&self.within, rest.iter().cloned()),
            "super" => {
                let above = self.within.len().saturating_sub(supers);
                self.within[..above].iter().chain(&path[supers..]).cloned().collect()
            }
            // A child, or else another crate, a local name …
            _ if self.modules.contains(&below(&self.within, [first.clone()])) => {
                below(&self.within, path.iter().cloned())
            }
            _ => return,
        };
        // Of `a::b::Name` the longest part that is a file.
        let file =
            (0..=full.len()).rev().map(|length| &full[..length]).find(|part| self.modules.contains(*part));
        if let Some(file) = file.filter(|file| file != self.module) {
            self.file.imports.insert(file.to_vec());
        }
    }

    fn note_tree(&mut self, before: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.note_tree(&below(before, [path.ident.to_string()]), &path.tree),
            UseTree::Name(name) => self.note(&below(before, [name.ident.to_string()])),
            UseTree::Rename(name) => self.note(&below(before, [name.ident.to_string()])),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(before, tree)),
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        match (&item.content, is_test(&item.attrs)) {
            (None, true) => _ = self.file.test_modules.insert(name),
            (Some(_), false) => {
                self.within.push(name);
                visit::visit_item_mod(self, item);
                self.within.pop();
            }
            // A declaration imports nothing.
            (None, false) | (Some(_), true) => {}
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.note_tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if parts.len() > 1 {
            self.note(&parts);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.file.asks_profile |= call.method == "profile";
        visit::visit_expr_method_call(self, call);
    }

    /// What is inside a macro is not parsed: paths are picked out of the text.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let text = item.tokens.to_string().replace(" :: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let parts: Vec<String> = word.split("::").map(str::to_owned).collect();
            if parts.len() > 1 {
                self.note(&parts);
            }
        }
    }
}

/// A part of a module may use what that module is about: a rule, the state of its policy.
fn edges(files: &BTreeMap<Module, File>) -> Edges {
    let of_others = |module: &Module, file: &File| {
        let whole = |import: &&Module| import.is_empty() || !module.starts_with(import);
        file.imports.iter().filter(whole).cloned().collect()
    };
    files.iter().map(|(module, file)| (module.clone(), of_others(module, file))).collect()
}

/// The files on circles, or between two of them: what remains when all that import nothing, or are imported by nothing,
/// have been taken away.
fn circles(mut edges: Edges) -> Edges {
    loop {
        let before = edges.len();
        let imported: BTreeSet<Module> = edges.values().flatten().cloned().collect();
        edges.retain(|module, imports| !imports.is_empty() && imported.contains(module));
        let left: BTreeSet<Module> = edges.keys().cloned().collect();
        edges.values_mut().for_each(|imports| imports.retain(|module| left.contains(module)));
        if edges.len() == before {
            return edges;
        }
    }
}

fn is_below(module: &Module, folder: &str) -> bool {
    module.first().is_some_and(|first| first == folder)
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files = parse_all();
    let found = edges(&files);
    // It has read something, and the two ways to name a file are understood.
    let dialer = &found[&vec!["dialer".to_owned()]];
    assert!(files.len() > 60 && dialer.contains(&vec!["plan".to_owned(), "policy".to_owned()]), "{dialer:?}");
    assert_eq!(circles(found), Edges::new());
}

#[test]
fn collections_know_nothing_else() {
    for (module, file) in parse_all().iter().filter(|(module, _)| is_below(module, "collections")) {
        let foreign: Vec<_> = file.imports.iter().filter(|import| !is_below(import, "collections")).collect();
        assert!(foreign.is_empty(), "{module:?} imports {foreign:?}");
    }
}

#[test]
fn facts_have_no_opinion() {
    for (module, file) in parse_all().iter().filter(|(module, _)| is_below(module, "facts")) {
        let opinions = ["plan", "rules", "dialer"];
        let found = file.imports.iter().find(|import| opinions.iter().any(|name| is_below(import, name)));
        assert_eq!(found, None, "{module:?}");
    }
}

/// What differs between the profiles is in the policies. Otherwise the profile is asked for only to choose one.
#[test]
fn the_profile_is_read_only_to_choose_a_policy() {
    let files = parse_all();
    let asking: Vec<String> =
        files.iter().filter(|(_, file)| file.asks_profile).map(|(module, _)| module.join("::")).collect();
    assert_eq!(asking, ["bound", "dialer", "snapshot"]);
    for module in asking {
        assert!(files[&vec![module]].imports.contains(&vec!["plan".to_owned()]));
    }
}

#[test]
fn imports_are_found_wherever_they_stand() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Module>();
    let modules: BTreeSet<Module> =
        ["a", "a::b", "a::c", "d", "e", "f", "g"].into_iter().map(path).chain([Vec::new()]).collect();
    let source = "
        mod b;
        #[cfg(test)]
        mod c;
        use core::mem::{self, d};
        use super::d::{Name as Other, inner::{self, *}};
        fn f() { let _: b::Name; crate::e::call(); println!(\"{}\", crate::f::CONST); config.profile() }
        #[cfg(test)]
        mod tests { use crate::g; }
    ";
    let file = parse(&path("a"), source, &modules);
    assert_eq!(file.imports, ["a::b", "d", "e", "f"].into_iter().map(path).collect());
    assert_eq!((file.test_modules, file.asks_profile), (BTreeSet::from(["c".to_owned()]), true));
    // What is re-exported is an import of the root.
    assert_eq!(parse(&path("d"), "use crate::Name;", &modules).imports, BTreeSet::from([Vec::new()]));
}

#[test]
fn circles_are_found() {
    let edges = |text: &str| -> Edges {
        let pair = |pair: &str| {
            let (from, to) = pair.split_once('>').unwrap();
            (vec![from.to_owned()], to.chars().map(|name| vec![name.to_string()]).collect())
        };
        text.split(' ').map(pair).collect()
    };
    assert_eq!(circles(edges("a>b b>c c>")), Edges::new());
    assert_eq!(circles(edges("a>b b>cd c>e d>b e>")), edges("b>d d>b"));
    assert_eq!(circles(edges("a>a b>a")), edges("a>a"));
}
