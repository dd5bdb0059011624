//! Lists of hosts, such as `a-01-[01-04]-[1-8],b-01-01-1`, written out.

use std::collections::BTreeSet;

use super::EmulatedError;

const NODES_MAX: usize = 4_096;

/// Every name in the list, in its order.
pub(super) fn expand(text: &str) -> Result<Vec<String>, EmulatedError> {
    let bad = |why| EmulatedError::Names { text: text.into(), why };
    let mut names = Vec::new();
    for pattern in patterns(text).map_err(bad)? {
        names.extend(one(pattern).map_err(bad)?);
        if names.len() > NODES_MAX {
            return Err(bad("these are more than 4096"));
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if names.iter().any(|name| name.is_empty() || !name.chars().all(plain)) {
        return Err(bad("a name is made of letters, digits and hyphens"));
    }
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        return Err(bad("a name stands there twice"));
    }
    Ok(names)
}

/// The text cut at the commas that stand outside brackets.
fn patterns(text: &str) -> Result<Vec<&str>, &'static str> {
    let (mut found, mut start, mut inside) = (Vec::new(), 0, false);
    for (index, c) in text.char_indices() {
        match (c, inside) {
            ('[', false) => inside = true,
            (']', true) => inside = false,
            ('[', true) | (']', false) => return Err("brackets do not match"),
            (',', false) => {
                found.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err("brackets do not match");
    }
    found.push(&text[start..]);
    Ok(found)
}

/// All names of one pattern: what stands before the first bracket, each number, each way to go on.
fn one(pattern: &str) -> Result<Vec<String>, &'static str> {
    let Some((before, rest)) = pattern.split_once('[') else { return Ok(vec![pattern.to_owned()]) };
    let (numbers, after) = rest.split_once(']').ok_or("brackets do not match")?;
    let ends = one(after)?;
    let mut names = Vec::new();
    for number in numbers.split(',').map(range).collect::<Result<Vec<_>, _>>()?.concat() {
        names.extend(ends.iter().map(|end| format!("{before}{number}{end}")));
        if names.len() > NODES_MAX {
            return Err("these are more than 4096");
        }
    }
    Ok(names)
}

/// `03-07` as five numbers of the width of the first; `5` as one.
fn range(text: &str) -> Result<Vec<String>, &'static str> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| -> Result<usize, &'static str> {
        text.parse().map_err(|_| "brackets hold numbers and ranges of numbers")
    };
    let (from, to) = (number(first)?, number(last)?);
    if from > to {
        return Err("a range runs backwards");
    }
    if to - from >= NODES_MAX {
        return Err("these are more than 4096");
    }
    let width = first.len();
    Ok((from..=to).map(|number| format!("{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        expand(text).expect("the list is one")
    }

    #[test]
    fn writes_out_ranges_with_their_zeros() {
        assert_eq!(names("a-[08-10]-1,b"), ["a-08-1", "a-09-1", "a-10-1", "b"]);
        assert_eq!(names("a-[1,3]-[1-2]"), ["a-1-1", "a-1-2", "a-3-1", "a-3-2"]);
        assert_eq!(names("a-01-[01-04]-[1-8]").len(), 32);
    }

    #[test]
    fn refuses_what_is_no_list() {
        let lists =
            ["", "a,", "a-[1-", "a-]1[", "a[[1]]", "a[2-1]", "a[x]", "a b", "a,a", "a[1-9999]"];
        for text in lists {
            assert!(matches!(expand(text), Err(EmulatedError::Names { .. })), "{text:?}");
        }
    }
}
