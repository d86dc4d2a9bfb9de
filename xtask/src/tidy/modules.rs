//! The module tree of one crate and the imports written in it, read from masked code.
//! Used by the check on module order. It follows `mod` lines from the crate's root, so what it sees is what compiles.

use super::files::Tree;
use super::lexer::{self, Token};
use std::collections::BTreeMap;

/// One module, in a file or inline.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// From the crate's root; the root's is empty.
    pub(crate) path: Vec<String>,
    /// Where it is written.
    pub(crate) file: String,
    /// Where the files of its children are.
    folder: String,
    /// Its children in the order of their `mod` lines, by index into the crate's list.
    pub(crate) children: Vec<(String, usize)>,
    /// The module around it; the root is its own.
    pub(crate) parent: usize,
    /// Paths of the crate that its code mentions, imports included.
    pub(crate) mentions: Vec<Mention>,
    /// Names that `use` brings into it, with the path each stands for; other modules may reach through them.
    pub(crate) names: BTreeMap<String, Vec<String>>,
    /// Paths that `use path::*` opens.
    pub(crate) globs: Vec<Vec<String>>,
    /// Names of the items defined in it.
    pub(crate) items: Vec<String>,
}

/// A path written somewhere in a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// As written: the first is `crate`, `self`, `super` or the name of a child.
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// All modules of one crate that are not tests; the first is the root.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) modules: Vec<Module>,
}

/// One leaf of a `use` tree.
struct Import {
    segments: Vec<String>,
    /// The name it brings into scope; `None` for a glob.
    name: Option<String>,
    line: usize,
}

impl Crate {
    /// Reads the crate whose root is the file `root`; modules without a file are left out, as cargo reports them.
    pub(crate) fn read(tree: &Tree, root: &str) -> Self {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut all = Self::default();
        all.modules.push(Module {
            file: root.to_owned(),
            folder: folder.to_owned(),
            ..Module::default()
        });
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            let file = all
                .modules
                .get(index)
                .and_then(|module| tree.files.get(&module.file));
            if let Some(file) = file {
                all.scan(tree, &lexer::tokens(&file.live), index, &mut open);
            }
        }
        all
    }

    /// Reads the tokens of the module at `index`, adds its children, and queues those that have files of their own.
    fn scan(&mut self, tree: &Tree, tokens: &[Token<'_>], index: usize, open: &mut Vec<usize>) {
        let mut own = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let name = tokens.get(at + 1).filter(|name| name.is_ident());
            let opens = tokens.get(at + 2).map(|token| token.text);
            let (Some(name), "mod", Some(";" | "{")) = (name, token.text, opens) else {
                own.push(*token);
                at += 1;
                continue;
            };
            let end = lexer::end_of_item(tokens, at);
            if opens == Some("{") {
                let child = self.add_child(index, name.text, None);
                let body = tokens.get(at + 3..end.saturating_sub(1)).unwrap_or_default();
                self.scan(tree, body, child, open);
            } else if let Some(parent) = self.modules.get(index)
                && let Some(file) = file_of(tree, &parent.folder, name.text)
            {
                open.push(self.add_child(index, name.text, Some(file)));
            }
            at = end;
        }
        if let Some(module) = self.modules.get_mut(index) {
            read_items(&own, &mut module.items);
            read_mentions(&own, module);
        }
    }

    /// Adds a child, in `file` or else inline; returns its index.
    fn add_child(&mut self, parent: usize, name: &str, file: Option<String>) -> usize {
        let index = self.modules.len();
        let mut child = Module {
            parent,
            ..Module::default()
        };
        if let Some(parent) = self.modules.get_mut(parent) {
            parent.children.push((name.to_owned(), index));
            child.path = parent.path.iter().cloned().chain([name.to_owned()]).collect();
            child.folder = format!("{}/{name}", parent.folder);
            child.file = file.unwrap_or_else(|| parent.file.clone());
        }
        self.modules.push(child);
        index
    }
}

/// The file of the child `name` of a module whose children live in `folder`.
fn file_of(tree: &Tree, folder: &str, name: &str) -> Option<String> {
    let candidates = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
    candidates
        .into_iter()
        .find(|candidate| tree.files.contains_key(candidate))
}

fn read_items(tokens: &[Token<'_>], items: &mut Vec<String>) {
    const KINDS: [&str; 8] = [
        "struct", "enum", "union", "trait", "fn", "type", "const", "static",
    ];
    for pair in tokens.windows(2) {
        if let [kind, name] = pair
            && KINDS.contains(&kind.text)
            && name.is_ident()
        {
            items.push(name.text.to_owned());
        }
    }
}

fn read_mentions(tokens: &[Token<'_>], module: &mut Module) {
    let children: Vec<String> = module.children.iter().map(|(name, _)| name.clone()).collect();
    let is_local =
        |first: &str| matches!(first, "crate" | "self" | "super") || children.iter().any(|c| c == first);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let after = tokens.get(at + 1).map(|token| token.text);
        // `use<'a>` in a type is not an import.
        if token.text == "use" && after != Some("<") {
            let mut imports = Vec::new();
            at = read_use(tokens, at + 1, &[], &mut imports);
            for import in imports {
                if !import.segments.first().is_some_and(|first| is_local(first)) {
                    continue;
                }
                match import.name {
                    Some(name) => {
                        module.names.insert(name, import.segments.clone());
                    }
                    None => module.globs.push(import.segments.clone()),
                }
                module.mentions.push(Mention {
                    segments: import.segments,
                    line: import.line,
                });
            }
            continue;
        }
        let follows_path = at
            .checked_sub(1)
            .and_then(|at| tokens.get(at))
            .is_some_and(|t| t.text == "::");
        if matches!(token.text, "crate" | "self" | "super") && after == Some("::") && !follows_path {
            let (segments, next) = read_path(tokens, at);
            module.mentions.push(Mention {
                segments,
                line: token.line,
            });
            at = next;
            continue;
        }
        at += 1;
    }
}

/// The words of a path that starts at `at`, and the index after it.
fn read_path(tokens: &[Token<'_>], at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    let mut at = at;
    while let Some(token) = tokens.get(at).filter(|token| token.is_ident()) {
        segments.push(token.text.to_owned());
        at += 1;
        let goes_on = tokens.get(at + 1).is_some_and(Token::is_ident);
        if tokens.get(at).map(|token| token.text) != Some("::") || !goes_on {
            break;
        }
        at += 1;
    }
    (segments, at)
}

/// Reads one branch of a `use` tree below `prefix` into `imports`; returns the index after it.
fn read_use(tokens: &[Token<'_>], at: usize, prefix: &[String], imports: &mut Vec<Import>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = at;
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    let next = read_use(tokens, at, &segments, imports);
                    // A token that no branch takes is a comma.
                    at = next.max(at + usize::from(next == at));
                }
                return at + 1;
            }
            "*" => {
                imports.push(Import {
                    segments,
                    name: None,
                    line,
                });
                return at + 1;
            }
            _ if token.is_ident() && token.text != "as" => {
                segments.push(token.text.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    let is_empty = segments.len() == prefix.len();
    let mut name = segments.last().cloned();
    // `use a::{self}` names `a` itself.
    if segments.len() > 1 && name.as_deref() == Some("self") {
        segments.pop();
        name = segments.last().cloned();
    }
    if tokens.get(at).is_some_and(|token| token.text == "as") {
        name = tokens.get(at + 1).map(|token| token.text.to_owned());
        at += 2;
    }
    if !is_empty {
        imports.push(Import { segments, name, line });
    }
    at
}
