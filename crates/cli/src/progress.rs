//! How far a long run has come, on a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use leasehold_units::Day;

use crate::arguments::Common;

/// A bar with the simulated date, events a second and the time left. Where stderr is no terminal,
/// or quiet was asked for, it is not drawn.
pub struct Bar {
    bar: ProgressBar,
    started: Instant,
}

impl Bar {
    /// A bar over `length` simulated seconds.
    pub fn new(length: u64, common: &Common) -> Self {
        // indicatif draws on terminals only; this adds the other reason to be silent.
        let target =
            if common.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{bar:32.cyan} {percent:>3} %  {msg}  {eta} left")
            .expect("the template is well-formed")
            .progress_chars("━╸─");
        let bar = ProgressBar::with_draw_target(Some(length), target).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, started: Instant::now() }
    }

    /// The run has come to `day`, `done` simulated seconds after its start, in `events` events.
    pub fn show(&self, done: u64, day: Day, events: u64) {
        let rate = per_second(events, self.started.elapsed());
        self.bar.set_position(done);
        self.bar.set_message(format!("{day}  {} events/s", crate::output::grouped(rate)));
    }

    /// Takes the bar off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Whole events in each second of `elapsed`.
pub fn per_second(events: u64, elapsed: Duration) -> u128 {
    u128::from(events) * 1000 / elapsed.as_millis().max(1)
}
