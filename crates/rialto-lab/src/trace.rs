//! Jobs that somebody has recorded, as CSV.

use crate::{Job, Mistake};
use rialto_mechanism::{Amount, Span};
use rialto_protocol::Cycles;

/// The columns of a trace, in this order.
pub const COLUMNS: [&str; 5] = ["at_ms", "cycles", "parts", "max_pay", "patience_ms"];

/// Reads a trace: a line with the names of [`COLUMNS`], then one line a job, in the order of their times, which
/// count from any beginning. All are whole numbers.
///
/// # Errors
/// A line is something else, or out of order.
pub fn read_csv(text: &str) -> Result<Vec<Job>, Mistake> {
    let header = text.lines().next().unwrap_or_default().trim_end();
    if header != COLUMNS.join(",") {
        let reason = format!("the first line must be {}", COLUMNS.join(","));
        return Err(Mistake { line: 1, column: 1, reason });
    }
    let lines = text.lines().zip(1..).skip(1).filter(|(line, _)| !line.trim().is_empty());
    let rows = lines.map(|(line, number)| row(line, number).map(|row| (row, number)));
    jobs(rows.collect::<Result<_, _>>()?)
}

/// Jobs from rows of numbers, each with the line or row that it stands in.
///
/// # Errors
/// A number is out of bounds, or a row out of order.
pub fn jobs(rows: Vec<([u64; 5], usize)>) -> Result<Vec<Job>, Mistake> {
    let Some(([first, ..], _)) = rows.first().copied() else {
        return Err(Mistake { line: 1, column: 1, reason: "there are no jobs".to_owned() });
    };
    let mut jobs: Vec<Job> = Vec::with_capacity(rows.len());
    for ([at_ms, cycles, parts, max_pay, patience_ms], line) in rows {
        let wrong = |what: String| Mistake { line, column: 1, reason: what };
        let at = at_ms.checked_sub(first).map(Span::ms);
        let in_order = at.filter(|at| jobs.last().is_none_or(|last: &Job| last.at <= *at));
        let at = in_order.ok_or_else(|| wrong("at_ms must not be before the line above".into()))?;
        if cycles == 0 || parts == 0 || patience_ms == 0 {
            return Err(wrong("cycles, parts and patience_ms must be one or more".into()));
        }
        let parts = parts.try_into().map_err(|_| wrong("parts must fit 32 bits".into()))?;
        let max_pay = Amount::new(max_pay.into());
        let patience = Span::ms(patience_ms);
        jobs.push(Job { at, cycles: Cycles(cycles), parts, max_pay, patience });
    }
    Ok(jobs)
}

fn row(line: &str, number: usize) -> Result<[u64; 5], Mistake> {
    let wrong = |column: usize, reason: String| Mistake { line: number, column, reason };
    let fields: Vec<&str> = line.trim_end().split(',').collect();
    if fields.len() != COLUMNS.len() {
        let reason = format!("{} fields are wanted and there are {}", COLUMNS.len(), fields.len());
        return Err(wrong(1, reason));
    }
    let mut row = [0; 5];
    let mut column = 1;
    for ((place, field), name) in row.iter_mut().zip(&fields).zip(COLUMNS) {
        let read = field.trim().parse();
        *place =
            read.map_err(|_| wrong(column, format!("{name} is no whole number: {field:?}")))?;
        column += field.chars().count() + 1;
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "at_ms,cycles,parts,max_pay,patience_ms\n";

    #[test]
    fn a_trace_is_read_from_its_first_job_on() {
        let text = format!("{HEADER}5000,1000000,1,3000,60000\n7000,2000000,32,9000,90000\n");
        let jobs = read_csv(&text).unwrap();
        assert_eq!(jobs.iter().map(|job| job.at.get()).collect::<Vec<_>>(), [0, 2_000]);
        let patience = Span::s(90);
        assert_eq!(
            (jobs[1].cycles, jobs[1].parts, jobs[1].patience),
            (Cycles(2_000_000), 32, patience)
        );
    }

    #[test]
    fn a_wrong_line_is_named() {
        let refusal = |lines: &str| read_csv(&format!("{HEADER}{lines}")).unwrap_err().to_string();
        let wrong = refusal("1,1,1,1,1\n2,x,1,1,1\n");
        assert_eq!(wrong, "line 3, column 3: cycles is no whole number: \"x\"");
        assert_eq!(refusal("1,1,1\n"), "line 2, column 1: 5 fields are wanted and there are 3");
        assert_eq!(
            refusal("5,1,1,1,1\n4,1,1,1,1\n"),
            "line 3, column 1: at_ms must not be before the line above"
        );
        assert!(refusal("5,0,1,1,1\n").contains("line 2, column 1: cycles, parts"));
        assert_eq!(refusal(""), "line 1, column 1: there are no jobs");
        let header = read_csv("a,b\n1,2\n").unwrap_err().to_string();
        assert!(header.starts_with("line 1, column 1: the first line must be at_ms"), "{header}");
    }
}
