//! Just enough of Rust's grammar to look at code as text: comments and literals blanked, test items blanked, tokens.
//! Used by the checks on order, sizes and words. Masked code has the same bytes and lines as the original.

/// Replaces comments by blanks and the insides of literals by underscores, keeping every newline in its place.
/// Anything outside ASCII becomes an underscore, so that the result can be cut at any byte.
pub(crate) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let is_in_word = out.last().copied().is_some_and(is_word);
        let (length, fill) = match rest {
            [b'/', b'/', ..] => (line_comment(rest), b' '),
            [b'/', b'*', ..] => (block_comment(rest), b' '),
            [b'"', ..] => (string(rest), b'_'),
            [b'\'', ..] => (character(rest), b'_'),
            [b'r' | b'b' | b'c', ..] if !is_in_word => (prefixed_string(rest), b'_'),
            _ => (0, b' '),
        };
        if length == 0 {
            out.extend(
                rest.first()
                    .map(|byte| if byte.is_ascii() { *byte } else { b'_' }),
            );
            at += 1;
            continue;
        }
        out.extend(
            rest.iter()
                .take(length)
                .map(|byte| if *byte == b'\n' { b'\n' } else { fill }),
        );
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn line_comment(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.get(at..).unwrap_or_default() {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal, or 0 when the quote starts a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|byte| *byte == b'\'');
        return end.map_or(rest.len(), |end| end + 4);
    }
    // One character of one to four bytes, then a quote.
    let width = match rest.get(1) {
        Some(0xF0..) => 4,
        Some(0xE0..) => 3,
        Some(0xC0..) => 2,
        _ => 1,
    };
    if rest.get(1 + width) == Some(&b'\'') && rest.get(1) != Some(&b'\'') {
        width + 2
    } else {
        0
    }
}

/// The length of a raw, byte or C string, or 0 when the letter starts a word.
fn prefixed_string(rest: &[u8]) -> usize {
    let letters = rest
        .iter()
        .take(2)
        .take_while(|byte| matches!(byte, b'r' | b'b' | b'c'))
        .count();
    let is_raw = rest.iter().take(letters).any(|byte| *byte == b'r');
    let after = rest.get(letters..).unwrap_or_default();
    if !is_raw {
        return match after {
            [b'"', ..] => letters + string(after),
            [b'\'', ..] => match character(after) {
                0 => 0,
                length => letters + length,
            },
            _ => 0,
        };
    }
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    if after.get(hashes) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.extend(std::iter::repeat_n(b'#', hashes));
    let body = after.get(hashes + 1..).unwrap_or_default();
    let close = body.windows(end.len()).position(|window| window == end);
    close.map_or(rest.len(), |close| letters + hashes + 1 + close + end.len())
}

/// One token of masked code; a path separator is a token of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// A word, `::`, or one character of punctuation.
    pub(crate) text: &'a str,
    /// Counted from 1.
    pub(crate) line: usize,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
}

impl Token<'_> {
    /// Whether it is a word that does not start with a digit.
    pub(crate) fn is_ident(&self) -> bool {
        self.text
            .bytes()
            .next()
            .is_some_and(|byte| is_word(byte) && !byte.is_ascii_digit())
    }
}

/// Cuts masked code into tokens.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b':' if bytes.get(at + 1) == Some(&b':') => 2,
            byte if is_word(*byte) => bytes.iter().skip(at).take_while(|byte| is_word(**byte)).count(),
            _ => 1,
        };
        if *byte == b'\n' {
            line += 1;
        }
        if !byte.is_ascii_whitespace() {
            found.extend(code.get(at..at + length).map(|text| Token {
                text,
                line,
                start: at,
            }));
        }
        at += length;
    }
    found
}

/// The index of the token after the item that starts at `from`: past its `;`, or past the brace that closes its body.
pub(crate) fn end_of_item(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return index + 1;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Blanks every item under a `#[cfg(test)]`-like attribute; a file that is wholly a test comes back blank.
pub(crate) fn without_tests(code: &str) -> String {
    let tokens = tokens(code);
    let mut blank: Vec<(usize, usize)> = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let Some((is_inner, is_test, end)) = attribute(&tokens, index) else {
            index += 1;
            continue;
        };
        if !is_test {
            index = end;
            continue;
        }
        if is_inner {
            return code.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        }
        let mut item = end;
        while let Some((false, _, next)) = attribute(&tokens, item) {
            item = next;
        }
        let after = end_of_item(&tokens, item);
        let start = tokens.get(index).map_or(0, |token| token.start);
        let stop = tokens
            .get(after - 1)
            .map_or(code.len(), |token| token.start + token.text.len());
        blank.push((start, stop));
        index = after;
    }
    let mut out = code.as_bytes().to_vec();
    for (start, stop) in blank {
        for byte in out
            .iter_mut()
            .take(stop)
            .skip(start)
            .filter(|byte| **byte != b'\n')
        {
            *byte = b' ';
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An attribute at `index`: whether it is inner (`#![…]`), whether it keeps its item to tests, and the index after it.
fn attribute(tokens: &[Token<'_>], index: usize) -> Option<(bool, bool, usize)> {
    let text = |at: usize| tokens.get(at).map(|token| token.text);
    if text(index) != Some("#") {
        return None;
    }
    let is_inner = text(index + 1) == Some("!");
    let open = index + 1 + usize::from(is_inner);
    if text(open) != Some("[") {
        return None;
    }
    let mut depth = 0_usize;
    let close = tokens.iter().enumerate().skip(open).find_map(|(at, token)| {
        match token.text {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })?;
    let inside = tokens.get(open + 1..close).unwrap_or_default();
    let has = |word: &str| inside.iter().any(|token| token.text == word);
    let is_cfg = inside.first().is_some_and(|token| token.text == "cfg");
    Some((is_inner, is_cfg && has("test") && !has("not"), close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, masked: &str) {
        assert_eq!(mask(text), masked);
        assert_eq!(masked.len(), text.len());
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check("f(\"x\\\"{\") + g", "f(______) + g");
        check("r#\"a\"}\"# b", "________ b");
        check(
            "br\"{\" b'{' '\\'' '{' '\\u{1F600}'",
            "_____ ____ ____ ___ ___________",
        );
        check("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check("r#type; err\"x\"", "r#type; err___");
        check("\"a\nb\"", "__\n__");
    }

    #[test]
    fn test_items_are_blanked() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { c(); }\n}\nfn d() {}";
        let without = without_tests(code);
        assert!(without.contains("fn a") && without.contains("fn d") && !without.contains("fn b"));
        assert_eq!(without.lines().count(), code.lines().count());
        assert_eq!(
            without_tests("#[cfg(test)]\n#[allow(x)]\nmod tests;\nmod a;").trim(),
            "mod a;"
        );
        assert_eq!(
            without_tests("#[cfg(not(test))] fn a() {}"),
            "#[cfg(not(test))] fn a() {}"
        );
        assert_eq!(without_tests("#![cfg(test)]\nfn a() {}").trim(), "");
    }

    #[test]
    fn items_end_at_their_brace_or_semicolon() {
        let tokens = tokens("fn f(a: [u8; 2]) { g(); } mod x;");
        let end = end_of_item(&tokens, 0);
        assert_eq!(tokens.get(end).map(|token| token.text), Some("mod"));
        assert_eq!(end_of_item(&tokens, end), tokens.len());
    }
}
