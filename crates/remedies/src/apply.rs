//! Which remedies go together, and the text with them.

use raddle_vocabulary::{Edit, Remedy};

/// A text with the remedies that do not touch each other, and how many those are. What touches waits for the next round:
/// two insertions at one place may both be needed, and in an order. A line that several remedies add (an import) is added
/// once.
#[must_use]
pub fn applied(text: &str, remedies: &[&Remedy]) -> (String, usize) {
    let (chosen, count) = chosen(text, remedies);
    let mut after = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in chosen {
        after.push_str(&text[at..edit.site.span.start as usize]);
        after.push_str(&edit.text);
        at = edit.site.span.end as usize;
    }
    after.push_str(&text[at..]);
    (after, count)
}

/// The edits of those remedies, in order of their places.
#[must_use]
pub fn chosen<'r>(text: &str, remedies: &[&'r Remedy]) -> (Vec<&'r Edit>, usize) {
    let mut chosen: Vec<&Edit> = Vec::new();
    let mut count = 0;
    for remedy in remedies {
        let fits = |edit: &Edit, other: &Edit| is_shared(text, edit, other) || apart(edit, other);
        if remedy.edits.iter().all(|edit| chosen.iter().all(|other| fits(edit, other))) {
            count += 1;
            let new = remedy.edits.iter().filter(|edit| !chosen.iter().any(|other| is_shared(text, edit, other)));
            let new: Vec<&Edit> = new.collect();
            chosen.extend(new);
        }
    }
    chosen.sort_by_key(|it| it.site.span.start);
    (chosen, count)
}

fn apart(edit: &Edit, other: &Edit) -> bool {
    let (a, b) = (edit.site.span, other.site.span);
    a.end < b.start || b.end < a.start
}

/// Whether two edits add the same whole lines.
fn is_shared(text: &str, edit: &Edit, other: &Edit) -> bool {
    let span = edit.site.span;
    let begins = text[..span.start as usize].ends_with('\n') || span.start == 0;
    edit == other && span.start == span.end && begins && edit.text.ends_with('\n')
}

#[cfg(test)]
mod tests {
    use raddle_vocabulary::{Message, Site, Span};

    use super::*;

    fn remedy(edits: &[(u32, &str)]) -> Remedy {
        let site = |at| Site { path: "a.py".into(), span: Span { start: at, end: at } };
        let edits = edits.iter().map(|(at, text)| Edit { site: site(*at), text: (*text).to_owned() }).collect();
        Remedy { message: Message::new("remedy-await"), safe: true, edits }
    }

    #[test]
    fn remedies_that_touch_wait_for_the_next_round() {
        let inner = remedy(&[(0, "(await "), (3, ")")]);
        let outer = remedy(&[(0, "(await "), (7, ")")]);
        assert_eq!(applied("f().x().y", &[&inner, &outer]), ("(await f()).x().y".to_owned(), 1));
    }

    #[test]
    fn an_import_that_two_remedies_need_is_added_once() {
        let first = remedy(&[(0, "import a\n"), (2, "a.")]);
        let second = remedy(&[(0, "import a\n"), (6, "a.")]);
        assert_eq!(applied("\n\nf()\ng()\n", &[&first, &second]), ("import a\n\n\na.f()\na.g()\n".to_owned(), 2));
    }
}
