//! The fonts: three of the fourteen that every reader of PDF has (ISO 32000-1, 9.6.2.2), with the
//! widths from Adobe's metrics for them, in the encoding `WinAnsiEncoding`.

/// A font and how it is called in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Font {
    /// Helvetica.
    Plain,
    /// Helvetica-Bold.
    Bold,
    /// Courier.
    Code,
}

impl Font {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Bold, Self::Code];

    /// Its name among the resources of a page.
    pub const fn resource(self) -> &'static [u8] {
        match self {
            Self::Plain => b"F1",
            Self::Bold => b"F2",
            Self::Code => b"F3",
        }
    }

    /// Its name to the reader.
    pub const fn base(self) -> &'static [u8] {
        match self {
            Self::Plain => b"Helvetica",
            Self::Bold => b"Helvetica-Bold",
            Self::Code => b"Courier",
        }
    }

    /// Width of `text` in points at `size`.
    pub fn width(self, text: &str, size: f32) -> f32 {
        let thousandths: u32 = encoded(text).into_iter().map(|byte| self.advance(byte)).sum();
        // At most a line of text: far fewer thousandths than a float holds exactly.
        thousandths as f32 / 1_000.0 * size
    }

    /// How far `byte` moves on, in thousandths of the size.
    fn advance(self, byte: u8) -> u32 {
        let index = usize::from(byte).saturating_sub(32);
        match self {
            Self::Plain => u32::from(PLAIN[index]),
            Self::Bold => u32::from(BOLD[index]),
            Self::Code => 600,
        }
    }
}

/// `text` in the encoding of the fonts. What they lack is written out as `\u{4e2d}`, so that nothing
/// gets lost without a word.
pub fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.escape_unicode().map(|c| c as u8)),
        }
    }
    bytes
}

fn byte(c: char) -> Option<u8> {
    match c {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).ok(),
        _ => BEYOND_LATIN_1.iter().find(|(other, _)| *other == c).map(|(_, byte)| *byte),
    }
}

const BEYOND_LATIN_1: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

/// Advances of Helvetica from byte 32 on, in thousandths of the size.
#[rustfmt::skip]
const PLAIN: [u16; 224] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, 350,
    556, 350, 222, 556, 333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350,
    350, 222, 222, 333, 333, 350, 556, 1000, 333, 1000, 500, 333, 944, 350, 500, 667,
    278, 333, 556, 556, 556, 556, 260, 556, 333, 737, 370, 556, 584, 333, 737, 333,
    400, 584, 333, 333, 333, 556, 537, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    667, 667, 667, 667, 667, 667, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278,
    722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611,
    556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556, 556, 278, 278, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556, 556, 500, 556, 500,
];

/// Advances of Helvetica-Bold from byte 32 on, in thousandths of the size.
#[rustfmt::skip]
const BOLD: [u16; 224] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584, 350,
    556, 350, 278, 556, 500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350,
    350, 278, 278, 500, 500, 350, 556, 1000, 333, 1000, 556, 333, 944, 350, 500, 667,
    278, 333, 556, 556, 556, 556, 280, 556, 333, 737, 370, 556, 584, 333, 737, 333,
    400, 584, 333, 333, 333, 611, 556, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    722, 722, 722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278,
    722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611,
    556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556, 278, 278, 278, 278,
    611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611, 611, 556, 611, 556,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_of_one_width_so_that_amounts_line_up() {
        for font in Font::ALL {
            let widths = ('0'..='9').map(|digit| font.width(&digit.to_string(), 1_000.0));
            assert!(widths.into_iter().all(|w| w == font.width("0", 1_000.0)));
        }
        assert_eq!(Font::Plain.width("Invoice", 10.0), 31.68);
    }

    #[test]
    fn what_the_fonts_lack_is_written_out() {
        assert_eq!(encoded("a ×…€ü"), b"a \xd7\x85\x80\xfc");
        assert_eq!(encoded("中\n"), br"\u{4e2d}\u{a}");
    }
}
