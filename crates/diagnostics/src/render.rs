//! Problems as people read them: the line, the place, what was expected, what to do.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::{Problem, Source};

/// All problems of one source, in order of their place.
pub fn render(source: &Source, problems: &[Problem], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| (problem.span.start, problem.rule));
    let mut text = String::new();
    for problem in sorted {
        let end = source.text.ceil_char_boundary(problem.span.end);
        let span = source.text.floor_char_boundary(problem.span.start.min(end))..end;
        let label = format!("expected {}", problem.expected);
        let annotation = AnnotationKind::Primary.span(span).label(label.as_str());
        let snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
        let mut group = Level::ERROR
            .primary_title(problem.message.as_str())
            .id(problem.rule)
            .element(snippet.annotation(annotation));
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        text.push_str(&renderer.render(&[group]));
        text.push_str("\n\n");
    }
    text
}
