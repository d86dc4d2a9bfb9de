//! Readable tables for the terminal: aligned columns, long texts cut.

/// Longest text of a cell, in characters.
const CELL_CHARS_MAX: usize = 60;

/// Lays rows out under their headings; columns that `numeric` names by index are aligned to the right.
pub(crate) fn render(headings: &[String], rows: &[Vec<String>], numeric: &[usize]) -> String {
    let all: Vec<Vec<String>> = std::iter::once(headings)
        .chain(rows.iter().map(Vec::as_slice))
        .map(cut_row)
        .collect();
    let width = |column: usize| {
        all.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| count(cell))
            .max()
    };
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut lines = Vec::with_capacity(all.len() + 1);
    for (index, row) in all.iter().enumerate() {
        lines.push(line(row, &widths, numeric));
        if index == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            lines.push(rule.join("  "));
        }
    }
    lines.join("\n")
}

fn line(row: &[String], widths: &[usize], numeric: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let padding = " ".repeat(width.saturating_sub(count(cell)));
        if numeric.contains(&column) {
            format!("{padding}{cell}")
        } else {
            format!("{cell}{padding}")
        }
    });
    cells.collect::<Vec<String>>().join("  ").trim_end().to_owned()
}

fn count(text: &str) -> usize {
    text.chars().count()
}

fn cut_row(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| cut(cell)).collect()
}

/// The text on one line, without control characters, and no longer than a cell.
pub(crate) fn cut(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if count(&clean) <= CELL_CHARS_MAX {
        return clean;
    }
    let mut short: String = clean.chars().take(CELL_CHARS_MAX - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_aligned_and_long_texts_cut() {
        let rows = [texts(&["7", "é", "a\nb"]), texts(&["10", "Sea", &"x".repeat(99)])];
        let table = render(&texts(&["id", "title", "more"]), &rows, &[0]);
        let long = format!("{}…", "x".repeat(59));
        let rule = "─".repeat(60);
        assert_eq!(
            table,
            format!("id  title  more\n──  ─────  {rule}\n 7  é      a b\n10  Sea    {long}")
        );
    }

    #[test]
    fn no_rows_leave_the_headings() {
        assert_eq!(render(&texts(&["id"]), &[], &[]), "id\n──");
    }
}
