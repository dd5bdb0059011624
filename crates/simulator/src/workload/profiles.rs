//! Named distributions of gang sizes, run times and arrivals. docs/workloads.md shows the fits.

/// Per mille of jobs below each run time of a profile.
pub const QUANTILES: [u32; 23] = [
    0, 10, 50, 100, 200, 250, 300, 400, 500, 600, 700, 750, 800, 850, 900, 925, 950, 965, 980, 990,
    995, 998, 1000,
];

/// A named kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Its name in scenario files.
    pub name: &'static str,
    /// Gang sizes in GPUs, each with its weight.
    pub sizes: &'static [(u32, u32)],
    /// Run times in seconds at [`QUANTILES`]; in between, straight lines.
    pub runs: [u32; 23],
    /// Weight of each hour of the day.
    pub hours: [u32; 24],
    /// Weight of each day of the week, Monday first.
    pub weekdays: [u32; 7],
}

/// Submissions by hour and weekday as the log that `philly` is fitted to has them, in percent of
/// an even spread.
const PHILLY_HOURS: [u32; 24] = [
    127, 98, 112, 110, 70, 115, 167, 209, 111, 101, 102, 87, 75, 70, 64, 65, 88, 67, 80, 73, 102,
    92, 113, 101,
];
const PHILLY_WEEKDAYS: [u32; 7] = [86, 107, 114, 129, 144, 61, 59];

/// A working day with a long evening: an assumption.
const LAB_HOURS: [u32; 24] = [
    60, 50, 45, 40, 40, 45, 55, 75, 105, 135, 150, 150, 140, 145, 150, 150, 145, 135, 120, 110,
    100, 95, 85, 75,
];
const LAB_WEEKDAYS: [u32; 7] = [110, 115, 115, 115, 110, 70, 65];

/// All profiles.
pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "philly",
        sizes: &[
            (1, 96_662),
            (2, 2_522),
            (4, 5_487),
            (8, 5_716),
            (16, 852),
            (24, 40),
            (32, 212),
            (64, 28),
            (128, 11),
        ],
        runs: [
            1, 13, 35, 56, 76, 140, 265, 699, 1_321, 2_130, 3_539, 5361, 8_437, 14_337, 33_474,
            61_140, 123_921, 203_575, 396_005, 754_552, 1_427_951, 2_132_600, 5_196_151,
        ],
        hours: PHILLY_HOURS,
        weekdays: PHILLY_WEEKDAYS,
    },
    Profile {
        name: "seren",
        sizes: &[
            (1, 640),
            (2, 60),
            (4, 60),
            (8, 170),
            (16, 30),
            (32, 20),
            (64, 12),
            (128, 5),
            (256, 2),
            (1024, 1),
        ],
        runs: [
            1, 1, 3, 7, 19, 27, 38, 70, 122, 214, 390, 543, 786, 1_210, 2_082, 2_954, 4_653, 6_736,
            11_505, 21_036, 36_545, 71_366, 177_808,
        ],
        hours: LAB_HOURS,
        weekdays: LAB_WEEKDAYS,
    },
    Profile {
        name: "frontier",
        sizes: &[
            (1, 1000),
            (8, 2400),
            (16, 1000),
            (32, 1000),
            (64, 1200),
            (128, 1100),
            (256, 900),
            (512, 700),
            (1024, 400),
            (2048, 200),
            (4096, 70),
            (8192, 25),
            (16_384, 5),
        ],
        runs: [
            84, 299, 931, 1_705, 3_546, 4684, 6_014, 9_444, 14_400, 21_957, 34_481, 44271, 58_476,
            80_883, 121_650, 158_255, 222_759, 294_199, 440_075, 692_876, 1_049_706, 1_209_600,
            1_209_600,
        ],
        hours: LAB_HOURS,
        weekdays: LAB_WEEKDAYS,
    },
];

/// The profile named `name`.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

impl Profile {
    /// The gang size at `point` of the weights' sum.
    pub fn size_at(&self, point: u64) -> u32 {
        let mut left = point;
        for (size, weight) in self.sizes {
            if left < u64::from(*weight) {
                return *size;
            }
            left -= u64::from(*weight);
        }
        self.sizes.last().map_or(1, |(size, _)| *size)
    }

    /// The sum of the weights of all sizes.
    pub fn size_weights(&self) -> u64 {
        self.sizes.iter().map(|(_, weight)| u64::from(*weight)).sum()
    }

    /// The run time in seconds below which `point` of a million jobs stay.
    pub fn run_at(&self, point: u64) -> u64 {
        let mille = |index: usize| u64::from(QUANTILES[index]) * 1000;
        let upper = (1..QUANTILES.len()).find(|index| point < mille(*index));
        let upper = upper.unwrap_or(QUANTILES.len() - 1);
        let (low, high) = (u64::from(self.runs[upper - 1]), u64::from(self.runs[upper]));
        let (from, width) = (mille(upper - 1), mille(upper) - mille(upper - 1));
        low + (high - low) * (point.min(mille(upper)) - from) / width
    }

    /// Mean gang size in thousandths of a GPU.
    pub fn mean_size_milli(&self) -> u64 {
        let gpus: u64 = self.sizes.iter().map(|(s, w)| u64::from(*s) * u64::from(*w)).sum();
        gpus * 1000 / self.size_weights()
    }

    /// Mean run time in seconds.
    pub fn mean_run_seconds(&self) -> u64 {
        let piece = |index: usize| {
            let width = u64::from(QUANTILES[index] - QUANTILES[index - 1]);
            width * (u64::from(self.runs[index]) + u64::from(self.runs[index - 1]))
        };
        (1..QUANTILES.len()).map(piece).sum::<u64>() / 2000
    }
}
