//! The first window in which a timeline stays at or above a value for long enough.
//!
//! A search from gap to gap would go through every gap that is too short, and a long queue makes
//! many. A window that is longer than all that a node covers cannot lie inside it: such nodes are
//! passed whole, and of the run that they may leave open at their end only a bound is noted. Where
//! the run lasts, its true beginning is looked up.

use std::ops::ControlFlow;

use super::{Point, Range, Timeline};

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(in crate::backfill) struct Wanted {
    /// The earliest start.
    pub from: i64,
    /// The start lies before this, and what comes from it on does not matter.
    pub limit: i64,
    /// Seconds from the start, not 0.
    pub length: i64,
    /// The least value.
    pub value: i64,
}

/// A stretch without a value too low, up to where the search is.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: i64,
    /// Else it begins at `start` or later.
    exact: bool,
}

struct Search<'a> {
    timeline: &'a Timeline<Range>,
    wanted: Wanted,
    /// The value before the first change.
    base: i64,
    /// The value where the search is.
    value: i64,
    run: Option<Run>,
}

/// Goes on, or breaks with the start that was found or the certainty that there is none.
type Step = ControlFlow<Option<i64>>;

impl Timeline<Range> {
    /// The first start of a window of `wanted`; `base` is the value before the first change.
    pub fn first_window(&self, base: i64, wanted: Wanted) -> Option<i64> {
        if wanted.from >= wanted.limit {
            return None;
        }
        let enough = self.value_at(wanted.from, base) >= wanted.value;
        let run = enough.then_some(Run { start: wanted.from, exact: true });
        let mut search = Search { timeline: self, wanted, base, value: base, run };
        match search.visit(self.root, self.height, (i64::MIN, i64::MAX)) {
            ControlFlow::Break(found) => found,
            // Nothing changes any more.
            ControlFlow::Continue(()) => search.reach(wanted.limit).break_value().flatten(),
        }
    }

    /// Where in `[span.0, span.1]` the stretch begins that is at `value` or above right up to
    /// `span.1`, which is where an empty one begins, with the value right before it, 0 before
    /// `span.0`. `base` is the value before the first change.
    pub fn run_start(&self, span: (i64, i64), base: i64, value: i64) -> Point {
        let short = |before: i64, stretch: Range| before + stretch.low < value;
        let enough = |before: i64, stretch: Range| before + stretch.high >= value;
        let low = self.seek_back(span.1, base, short).filter(|low| low.time > span.0);
        let low = low.unwrap_or_else(|| Point { time: span.0, value: self.value_at(span.0, base) });
        if low.value >= value {
            return Point { time: span.0, value: 0 };
        }
        let start = self.seek(low.time, base, enough);
        Point { time: start.map_or(span.1, |start| start.time.min(span.1)), value: low.value }
    }
}

impl Search<'_> {
    /// Goes through the node `at`, which covers `[span.0, span.1)`.
    fn visit(&mut self, at: u32, height: usize, span: (i64, i64)) -> Step {
        let node = self.timeline.node(at);
        for slot in 0..node.len {
            let summary = node.summaries[slot];
            if height == 0 {
                self.take(node.times[slot], summary.change)?;
                continue;
            }
            let begin = if slot == 0 { span.0 } else { node.times[slot] };
            let end = if slot + 1 == node.len { span.1 } else { node.times[slot + 1] };
            if end <= self.wanted.from {
                self.value += summary.change;
            } else if begin <= self.wanted.from || !self.pass(begin, end, summary)? {
                self.visit(node.children[slot], height - 1, (begin, end))?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes in one change.
    fn take(&mut self, time: i64, change: i64) -> Step {
        if time > self.wanted.from {
            self.reach(time)?;
            let enough = self.value + change >= self.wanted.value;
            self.run = self.run.or(Some(Run { start: time, exact: true })).filter(|_| enough);
        }
        self.value += change;
        ControlFlow::Continue(())
    }

    /// Passes a stretch that covers `[begin, end)` without looking into it, if no window can begin
    /// or be completed there that could not be without it. Whether that was so.
    fn pass(&mut self, begin: i64, end: i64, stretch: Range) -> ControlFlow<Option<i64>, bool> {
        self.reach(begin)?;
        if end > self.wanted.limit {
            return ControlFlow::Continue(false);
        }
        let Wanted { length, value, .. } = self.wanted;
        let all_free = self.value + stretch.low >= value;
        let completes = self.run.is_some_and(|run| run.start.saturating_add(length) <= end);
        let holds = self.value + stretch.high >= value && end.saturating_sub(begin) >= length;
        if !all_free && (completes || holds) {
            return ControlFlow::Continue(false);
        }
        self.value += stretch.change;
        let open = Run { start: begin, exact: false };
        self.run = match self.run {
            Some(run) if all_free => Some(run),
            _ => Some(open).filter(|_| self.value >= value),
        };
        ControlFlow::Continue(true)
    }

    /// Breaks if the run, which lasts up to `time`, is long enough, or if `time` is past the limit.
    fn reach(&mut self, time: i64) -> Step {
        let Wanted { limit, length, .. } = self.wanted;
        let complete = |run: Run| time >= run.start.saturating_add(length).min(limit);
        if let Some(run) = self.run
            && complete(run)
            && !run.exact
        {
            let span = (self.wanted.from, time.min(limit));
            let start = self.timeline.run_start(span, self.base, self.wanted.value).time;
            self.run = Some(Run { start, exact: true });
        }
        match self.run {
            Some(run) if run.start < limit && complete(run) => ControlFlow::Break(Some(run.start)),
            _ if time >= limit => ControlFlow::Break(None),
            _ => ControlFlow::Continue(()),
        }
    }
}
