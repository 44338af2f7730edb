//! How much longer the library takes for a piece of work than a floor: the plainest loop that finds the same. For benches.
//!
//! Both sides do their work right after each other, so that what else runs on the machine meets both. On a busy machine the longer of
//! two pieces of work is interrupted more often, and then most of its time is one of waiting: a time during which the kernel took the
//! processor away does not count, and another round is made instead. Where valgrind is installed each side is also run
//! under it, in processes of its own.

use std::{
    env, fmt,
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};

/// The word that makes a bench do one side of one row and nothing else.
const RUN: &str = "run";
/// As often is the work done in the longer of two processes whose instructions are compared.
const MANY: usize = 11;
/// So many times as many rounds are made at most, on a machine that interrupts most of them.
const PATIENCE: usize = 20;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A plain loop.
    Floor,
    /// The library.
    Ours,
}

impl Side {
    /// Both, for loops.
    pub const BOTH: [Self; 2] = [Self::Floor, Self::Ours];
}

/// What a bench was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// All rows in this many rounds: `[ROUNDS]`.
    Measure {
        /// How often each side does its work.
        rounds: usize,
    },
    /// One side of one row, for valgrind.
    Run(Run),
}

/// One side of one row, done so many times in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Number of the row, from 0.
    pub row: usize,
    /// Who does the work.
    pub side: Side,
    times: usize,
}

impl Job {
    /// The job that the arguments of this process tell.
    ///
    /// # Panics
    ///
    /// When the arguments are neither `[ROUNDS]` nor those of valgrind's process.
    #[expect(clippy::panic, reason = "a bench that was asked for something else fails")]
    pub fn of_arguments() -> Self {
        let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
        Self::parse(&words)
            .unwrap_or_else(|| panic!("neither a number of rounds nor {RUN}: {words:?}"))
    }

    fn parse(words: &[String]) -> Option<Self> {
        match words {
            [] => Some(Self::Measure { rounds: 61 }),
            [rounds] => Some(Self::Measure { rounds: rounds.parse().ok().filter(|n| *n > 0)? }),
            [run, row, side, times] if run == RUN => {
                let side = Side::BOTH.into_iter().find(|known| format!("{known:?}") == *side)?;
                Some(Self::Run(Run { row: row.parse().ok()?, side, times: times.parse().ok()? }))
            }
            _ => None,
        }
    }
}

impl Run {
    /// Does it: `prepare` makes the work ready, as often for one time as for many, so that preparing does not count.
    pub fn work<T, W: FnOnce() -> T>(self, prepare: impl Fn(Side) -> W) {
        for count in 0..MANY {
            let work = prepare(self.side);
            if count < self.times {
                black_box(work());
            }
        }
    }

    /// User instructions of a whole process that does this; `None` without valgrind.
    fn instructions(self) -> Option<u64> {
        let output = Command::new("valgrind")
            .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
            .arg(env::current_exe().ok()?)
            .args([
                RUN,
                &self.row.to_string(),
                &format!("{:?}", self.side),
                &self.times.to_string(),
            ])
            .output()
            .ok()?;
        instructions(&String::from_utf8(output.stderr).ok()?)
    }
}

/// The number in cachegrind's report: `==7== I refs:  1,234`, with more spaces in older versions.
fn instructions(report: &str) -> Option<u64> {
    let line = report.lines().find(|line| line.contains("I refs") || line.contains("I   refs"))?;
    line.split(':').nth(1)?.trim().replace(',', "").parse().ok()
}

/// Median and shortest time, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    median: f64,
    shortest: f64,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let micros = |at: usize| times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6);
        Self { median: micros(times.len() / 2), shortest: micros(0) }
    }
}

/// What was measured of one row. It prints as the cells of [`Ratio::COLUMNS`].
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    floor: Times,
    ours: Times,
    /// The ratio of time that is aimed at.
    target: Option<f64>,
    /// User instructions of the work alone, of the floor and of the library.
    instructions: Option<[f64; 2]>,
}

impl Ratio {
    /// Names of the columns.
    pub const COLUMNS: &str = "floor, µs | ours, µs | ratio of medians, of the shortest | target \
                               | instructions: floor | ours | ratio";

    /// Measures one row; `prepare` makes the work of a side ready, which is not measured.
    pub fn measure<T, W: FnOnce() -> T>(
        row: usize,
        rounds: usize,
        target: Option<f64>,
        prepare: impl Fn(Side) -> W,
    ) -> Self {
        let [floor, ours] = by_turns(rounds, prepare, interruptions);
        let counted = Side::BOTH.map(|side| of_work(row, side));
        let instructions =
            if let [Some(floor), Some(ours)] = counted { Some([floor, ours]) } else { None };
        Self { floor, ours, target, instructions }
    }
}

/// How often the kernel took the processor away from this thread so far. Where it does not tell, never.
fn interruptions() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The times of one side.
#[derive(Default)]
struct Sample {
    whole: Vec<Duration>,
    /// Those that were interrupted.
    broken: Vec<Duration>,
}

impl Sample {
    /// Those that were interrupted count only where all were.
    fn times(self) -> Times {
        Times::of(if self.whole.is_empty() { self.broken } else { self.whole })
    }
}

/// The times of the floor and of the library, of at least so many rounds that nothing interrupted if the machine allows it.
fn by_turns<T, W: FnOnce() -> T>(
    rounds: usize,
    prepare: impl Fn(Side) -> W,
    interruptions: impl Fn() -> u64,
) -> [Times; 2] {
    let (mut floor, mut ours) = (Sample::default(), Sample::default());
    for round in 0..rounds.saturating_mul(PATIENCE) {
        if floor.whole.len().min(ours.whole.len()) >= rounds {
            break;
        }
        // Both are ready before one begins, and who goes first changes.
        let mut works = Side::BOTH.map(|side| (side, prepare(side)));
        if round % 2 == 1 {
            works.reverse();
        }
        for (side, work) in works {
            let before = interruptions();
            let start = Instant::now();
            black_box(work());
            let time = start.elapsed();
            let sample = match side {
                Side::Floor => &mut floor,
                Side::Ours => &mut ours,
            };
            let whole = interruptions() == before;
            if whole { &mut sample.whole } else { &mut sample.broken }.push(time);
        }
    }
    [floor, ours].map(Sample::times)
}

/// User instructions of the work alone: the difference between doing it once and [`MANY`] times.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 instructions")]
fn of_work(row: usize, side: Side) -> Option<f64> {
    let [once, many] = [1, MANY].map(|times| Run { row, side, times }.instructions());
    Some(many?.checked_sub(once?)? as f64 / (MANY - 1) as f64)
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Times { median, shortest } in [self.floor, self.ours] {
            write!(f, "{median:.1} ({shortest:.1}) | ")?;
        }
        let medians = self.ours.median / self.floor.median;
        write!(f, "×{medians:.2}, ×{:.2} | ", self.ours.shortest / self.floor.shortest)?;
        match self.target {
            Some(target) => write!(f, "×{target}")?,
            None => f.write_str("-")?,
        }
        match self.instructions {
            Some([floor, ours]) => {
                let ratio = ours / floor;
                write!(f, " | {:.3} M | {:.3} M | ×{ratio:.2}", floor / 1e6, ours / 1e6)
            }
            None => f.write_str(" | - | - | -"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    #[test]
    fn arguments_are_rounds_or_one_run() {
        let run = Job::Run(Run { row: 2, side: Side::Ours, times: 11 });
        for (words, expected) in [
            ("", Some(Job::Measure { rounds: 61 })),
            ("5", Some(Job::Measure { rounds: 5 })),
            ("0", None),
            ("five", None),
            ("run 2 Ours 11", Some(run)),
            ("run 2 Theirs 11", None),
            ("run 2", None),
            ("walk 2 Ours 11", None),
        ] {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Job::parse(&words), expected, "{words:?}");
        }
    }

    #[test]
    fn instructions_are_read_from_both_forms_of_the_report() {
        for (report, expected) in [
            ("==7== \n==7== I refs:        1,234,567\n", Some(1_234_567)),
            ("==7== I   refs:      89\n", Some(89)),
            ("==7== D refs: 5\n", None),
            ("", None),
        ] {
            assert_eq!(instructions(report), expected, "{report:?}");
        }
    }

    #[test]
    fn a_run_prepares_as_often_for_one_time_as_for_many() {
        for times in [1, MANY] {
            let (prepared, done) = (Cell::new(0), Cell::new(0));
            Run { row: 0, side: Side::Floor, times }.work(|side| {
                assert_eq!(side, Side::Floor);
                prepared.set(prepared.get() + 1);
                || done.set(done.get() + 1)
            });
            assert_eq!((prepared.get(), done.get()), (MANY, times));
        }
    }

    #[test]
    fn sides_take_turns_at_going_first() {
        let turns = RefCell::new(Vec::new());
        let turns_of = &turns;
        let times = by_turns(3, |side| move || turns_of.borrow_mut().push(side), || 0);
        assert!(times.iter().all(|times| times.shortest <= times.median));
        let [floor, ours] = Side::BOTH;
        assert_eq!(turns.into_inner(), [floor, ours, ours, floor, floor, ours]);
    }

    #[test]
    fn rounds_that_were_interrupted_are_made_again() {
        // The count at each question, two for each work: it grows during the work of these.
        for (interrupted, rounds, works) in [
            (vec![], 2, 4),
            (vec![1], 2, 6),
            (vec![0, 3], 2, 8),
            ((0..999).collect(), 1, 2 * PATIENCE),
        ] {
            let (asked, done) = (Cell::new(0_usize), Cell::new(0));
            let interruptions = || {
                let question = asked.replace(asked.get() + 1);
                let before = interrupted.iter().filter(|work| **work < question / 2).count();
                let now = question % 2 == 1 && interrupted.contains(&(question / 2));
                (before + usize::from(now)) as u64
            };
            let times = by_turns(rounds, |_| || done.set(done.get() + 1), interruptions);
            assert_eq!(done.get(), works, "{interrupted:?}");
            assert!(times.iter().all(|times| times.shortest.is_finite()));
        }
    }

    #[test]
    fn the_cells_are_those_of_the_columns() {
        let floor = Times { median: 2.0, shortest: 1.0 };
        let ours = Times { median: 3.0, shortest: 1.25 };
        let with = Ratio { floor, ours, target: Some(1.5), instructions: Some([1e6, 2.5e6]) };
        let expected = "2.0 (1.0) | 3.0 (1.2) | ×1.50, ×1.25 | ×1.5 | 1.000 M | 2.500 M | ×2.50";
        assert_eq!(with.to_string(), expected);
        let without = Ratio { target: None, instructions: None, ..with };
        assert_eq!(without.to_string(), "2.0 (1.0) | 3.0 (1.2) | ×1.50, ×1.25 | - | - | - | -");
        assert_eq!(expected.split(" | ").count(), Ratio::COLUMNS.split(" | ").count());
    }

    #[test]
    fn the_median_is_the_middle_time() {
        let times = [30, 10, 20].map(Duration::from_micros).to_vec();
        assert_eq!(Times::of(times), Times { median: 20.0, shortest: 10.0 });
    }
}
