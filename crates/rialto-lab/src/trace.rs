//! Jobs that somebody has recorded.

use crate::{Job, Mistake};
use rialto_mechanism::{Amount, Span};
use rialto_protocol::Cycles;

/// The columns of a trace, in this order.
pub const COLUMNS: [&str; 5] = ["at_ms", "cycles", "parts", "max_pay", "patience_ms"];

/// Why rows of numbers are no trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// There are none.
    Empty,
    /// A number is wrong.
    Row {
        /// Which row, from zero on.
        row: usize,
        /// Which of [`COLUMNS`].
        column: usize,
        /// What would be right.
        reason: String,
    },
}

/// Reads a trace as CSV: a line with the names of [`COLUMNS`], then one line a job, in the order of their times, which
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
    let lines: Vec<(&str, usize)> = lines.collect();
    let rows =
        lines.iter().map(|(line, number)| row(line, *number)).collect::<Result<Vec<_>, _>>()?;
    jobs(&rows).map_err(|unfit| match unfit {
        Unfit::Empty => Mistake { line: 1, column: 1, reason: "there are no jobs".to_owned() },
        Unfit::Row { row, column, reason } => {
            let (line, number) = lines[row];
            Mistake { line: number, column: begin(line, column), reason }
        }
    })
}

/// Jobs from rows of numbers, in the order of [`COLUMNS`].
///
/// # Errors
/// There are none, a number is out of bounds, or a row out of order.
pub fn jobs(rows: &[[u64; COLUMNS.len()]]) -> Result<Vec<Job>, Unfit> {
    let [first, ..] = rows.first().ok_or(Unfit::Empty)?;
    let mut jobs: Vec<Job> = Vec::with_capacity(rows.len());
    for (row, [at_ms, cycles, parts, max_pay, patience_ms]) in rows.iter().enumerate() {
        let wrong = |column: usize, what: &str| {
            let reason = format!("{} must {what}", COLUMNS[column]);
            Unfit::Row { row, column, reason }
        };
        let at = at_ms.checked_sub(*first).map(Span::ms);
        let in_order = at.filter(|at| jobs.last().is_none_or(|last: &Job| last.at <= *at));
        let at = in_order.ok_or_else(|| wrong(0, "not be before that of the job above"))?;
        for (column, value) in [(1, *cycles), (2, *parts), (4, *patience_ms)] {
            if value == 0 {
                return Err(wrong(column, "be one or more"));
            }
        }
        let parts = u32::try_from(*parts).map_err(|_| wrong(2, "fit 32 bits"))?;
        let (max_pay, patience) = (Amount::new((*max_pay).into()), Span::ms(*patience_ms));
        jobs.push(Job { at, cycles: Cycles(*cycles), parts, max_pay, patience });
    }
    Ok(jobs)
}

fn row(line: &str, number: usize) -> Result<[u64; COLUMNS.len()], Mistake> {
    let wrong = |column: usize, reason: String| Mistake { line: number, column, reason };
    let fields: Vec<&str> = line.trim_end().split(',').collect();
    if fields.len() != COLUMNS.len() {
        let reason = format!("{} fields are wanted and there are {}", COLUMNS.len(), fields.len());
        return Err(wrong(1, reason));
    }
    let mut row = [0; COLUMNS.len()];
    for (nth, (place, field)) in row.iter_mut().zip(&fields).enumerate() {
        *place = field.trim().parse().map_err(|_| {
            let reason = format!("{} is no whole number: {field:?}", COLUMNS[nth]);
            wrong(begin(line, nth), reason)
        })?;
    }
    Ok(row)
}

/// The column, in characters from one on, in which a line's field begins.
fn begin(line: &str, field: usize) -> usize {
    1 + line.split(',').take(field).map(|before| before.chars().count() + 1).sum::<usize>()
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
        assert_eq!(refusal("1,1,1,-1,1\n"), "line 2, column 7: max_pay is no whole number: \"-1\"");
        assert_eq!(refusal("1,1,1\n"), "line 2, column 1: 5 fields are wanted and there are 3");
        assert_eq!(
            refusal("5,1,1,1,1\n\n4,1,1,1,1\n"),
            "line 4, column 1: at_ms must not be before that of the job above"
        );
        assert_eq!(refusal("5,0,1,1,1\n"), "line 2, column 3: cycles must be one or more");
        assert_eq!(refusal("5,12,1,1,0\n"), "line 2, column 10: patience_ms must be one or more");
        assert_eq!(refusal("5,1,4294967296,1,1\n"), "line 2, column 5: parts must fit 32 bits");
        assert_eq!(refusal(""), "line 1, column 1: there are no jobs");
        let header = read_csv("a,b\n1,2\n").unwrap_err().to_string();
        assert!(header.starts_with("line 1, column 1: the first line must be at_ms"), "{header}");
    }
}
