//! How long a file and a function may grow.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{Breach, source::Tree};

const FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 70;

/// A file holds one concept.
pub fn files(tree: &Tree) -> Vec<Breach> {
    let long = |lines: usize| {
        format!(
            "is {lines} lines long, {FILE_LINES} at most: a file that \
        long holds more than one concept and nobody reads it whole. Split it by concept"
        )
    };
    tree.rust()
        .map(|(file, _)| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(file, lines)| Breach::of(&file.path, long(lines)))
        .collect()
}

/// A function fits a screen.
pub fn functions(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (file, tokens) in tree.rust() {
        for function in in_stream(tokens) {
            let lines = function.last - function.first + 1;
            if lines > FUNCTION_LINES {
                breaches.push(Breach::at(
                    &file.path,
                    function.first,
                    format!(
                        "`{}` is {lines} \
                    lines long, {FUNCTION_LINES} at most: what does not fit a screen is not \
                    understood at once. Branch here and move the leaves out",
                        function.name
                    ),
                ));
            }
        }
    }
    breaches
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    first: usize,
    last: usize,
}

fn in_stream(stream: &TokenStream) -> Vec<Function> {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            found.extend(in_stream(&group.stream()));
        }
        found.extend(function_at(&tokens[index..]));
    }
    found
}

/// `fn name … { … }` at the start of `tokens`; a function type or a declaration has no body.
fn function_at(tokens: &[TokenTree]) -> Option<Function> {
    let [TokenTree::Ident(keyword), TokenTree::Ident(name), rest @ ..] = tokens else {
        return None;
    };
    if keyword != "fn" {
        return None;
    }
    let end = rest.iter().find(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    })?;
    let TokenTree::Group(body) = end else { return None };
    let first = keyword.span().start().line;
    Some(Function { name: name.to_string(), first, last: body.span_close().end().line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_from_keyword_to_closing_brace() {
        let code = "trait T { fn declared(); }\nimpl X {\n  fn a(\n    &self,\n  ) {\n    let f: fn(u8);\n  }\n}";
        let found = in_stream(&code.parse().expect("test code is Rust"));
        assert_eq!(found, [Function { name: "a".into(), first: 3, last: 7 }]);
    }
}
