//! What is set where: text and rules flow down one page and on to the next.

use super::Paper;
use super::fonts::Font;
use crate::words::wrapped;

/// Left and right margin in points, 18 mm.
pub const MARGIN: f32 = 51.0;
/// Upper and lower margin; the running head and the page number stand in them.
const TOP: f32 = 62.0;
const BOTTOM: f32 = 62.0;
/// Height of a line of text for its size.
const LEADING: f32 = 1.36;

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub font: Font,
    /// Points.
    pub size: f32,
    /// 0 black, 1 white.
    pub gray: f32,
}

/// A mark on a page. Points from the lower left corner.
#[derive(Debug, Clone)]
pub enum Mark {
    Text { x: f32, y: f32, look: Look, text: String },
    Rule { from: f32, until: f32, y: f32, width: f32, gray: f32 },
}

/// The marks of a page.
pub type Page = Vec<Mark>;

/// Pages as they fill.
pub struct Flow<'a> {
    pub pages: Vec<Page>,
    pub width: f32,
    height: f32,
    /// How far down the page is filled, as the height of what is left above its lower edge.
    pub y: f32,
    /// What stands over every page but the first.
    running_head: String,
    /// Draws the head of the table on a new page, while there is a table.
    pub table_head: Option<&'a dyn Fn(&mut Flow<'a>)>,
}

impl<'a> Flow<'a> {
    pub fn new(paper: Paper, running_head: String) -> Self {
        let (width, height) = paper.size();
        let y = height - TOP;
        Self { pages: vec![Vec::new()], width, height, y, running_head, table_head: None }
    }

    /// The right edge of what is set.
    pub fn right(&self) -> f32 {
        self.width - MARGIN
    }

    /// Height of a whole page.
    pub fn room(&self) -> f32 {
        self.height - TOP - BOTTOM
    }

    /// Goes on to a new page unless `height` is left on this one.
    pub fn need(&mut self, height: f32) {
        if self.y - height >= BOTTOM || self.pages.last().is_some_and(Vec::is_empty) {
            return;
        }
        self.pages.push(Vec::new());
        self.y = self.height - TOP;
        let look = Look { font: Font::Plain, size: 8.0, gray: 0.35 };
        let head = self.running_head.clone();
        let (y, fits) = (self.height - 38.0, self.right() - MARGIN);
        let head = wrapped(&head, fits, |text| look.font.width(text, look.size)).swap_remove(0);
        self.put(MARGIN, y, look, &head);
        if let Some(draw) = self.table_head {
            draw(self);
        }
    }

    pub fn space(&mut self, height: f32) {
        self.y -= height;
    }

    /// Sets `text` in the lines that it needs between `x` and `until`, each on the page where there is
    /// room for it; and beside the first what `beside` draws there.
    pub fn paragraph(&mut self, x: f32, until: f32, look: Look, text: &str) {
        for line in look.lines(text, until - x) {
            self.need(look.leading());
            self.y -= look.leading();
            self.put(x, self.y, look, &line);
        }
    }

    /// Sets `text` so that it ends at `until`, on the line that was set last.
    pub fn right_aligned(&mut self, until: f32, look: Look, text: &str) {
        self.put(until - look.font.width(text, look.size), self.y, look, text);
    }

    pub fn put(&mut self, x: f32, y: f32, look: Look, text: &str) {
        self.mark(Mark::Text { x, y, look, text: text.to_owned() });
    }

    /// A rule across the page, so far below the last line.
    pub fn rule(&mut self, below: f32, width: f32, gray: f32) {
        let (from, until, y) = (MARGIN, self.right(), self.y - below);
        self.mark(Mark::Rule { from, until, y, width, gray });
        self.y = y;
    }

    fn mark(&mut self, mark: Mark) {
        self.pages.last_mut().expect("there is a first page").push(mark);
    }

    /// The pages with their numbers.
    pub fn numbered(mut self) -> Vec<Page> {
        let look = Look { font: Font::Plain, size: 8.0, gray: 0.35 };
        let (count, right) = (self.pages.len(), self.right());
        for (page, number) in self.pages.iter_mut().zip(1..) {
            let text = format!("Page {number} of {count}");
            let x = right - look.font.width(&text, look.size);
            page.push(Mark::Text { x, y: 36.0, look, text });
        }
        self.pages
    }
}

impl Look {
    pub fn leading(self) -> f32 {
        self.size * LEADING
    }

    /// The lines that `text` takes in `width`.
    pub fn lines(self, text: &str, width: f32) -> Vec<String> {
        wrapped(text, width, |text| self.font.width(text, self.size))
    }

    /// The height that `text` takes in `width`.
    pub fn height(self, text: &str, width: f32) -> f32 {
        self.leading() * self.lines(text, width).len() as f32
    }
}
