//! A typed event of the size of a whiteboard: what a message costs whose data is held to its type.

use std::fmt::Write;

use dormouse::{Application, Channel, Contract, Event, KIB, payload};

/// A contract of one typed event, as seldom limited as the benchmark's own.
#[derive(Clone, Copy, Debug)]
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        let event = Event::ephemeral().rate(100_000).burst(100_000).max_bytes(64 * KIB);
        Contract::new().channel("bench:*", Channel::with_token().event::<Board>("draw", event))
    }
}

/// All that is on a whiteboard.
#[payload]
pub struct Board {
    /// What is drawn, the lowest first.
    #[garde(length(max = 1_000), dive)]
    pub shapes: Vec<Shape>,
}

/// One thing on it: names, numbers, words of a list, and what may be left out.
#[payload]
pub struct Shape {
    /// Unique on the board.
    #[garde(length(chars, min = 1, max = 36))]
    pub id: String,
    /// What is drawn.
    pub kind: Kind,
    /// From the left.
    #[garde(range(min = -1e6, max = 1e6))]
    pub x: f64,
    /// From the top.
    #[garde(range(min = -1e6, max = 1e6))]
    pub y: f64,
    /// Its place in the stack.
    pub layer: u32,
    /// Whether it can be moved.
    pub locked: bool,
    /// What stands in it.
    #[garde(length(chars, max = 500))]
    pub text: String,
    /// Words by which it is found.
    #[garde(length(max = 8), inner(length(chars, max = 32)))]
    pub tags: Vec<String>,
    /// How it looks, if not plain.
    #[garde(dive)]
    pub style: Option<Style>,
    /// Who drew it, if known.
    #[garde(inner(length(chars, max = 128)))]
    pub author: Option<String>,
}

/// What can be drawn.
#[payload]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A box.
    Rectangle,
    /// A circle, or wider than high.
    Ellipse,
    /// A piece of paper.
    Note,
}

/// How a shape looks.
#[payload]
pub struct Style {
    /// As CSS has it.
    #[garde(length(chars, min = 4, max = 9))]
    pub colour: String,
    /// In pixels.
    #[garde(range(min = 0.0, max = 100.0))]
    pub width: f64,
}

/// The text of a board of about so many bytes, as `JSON.stringify` would write it.
pub fn board(bytes: usize) -> String {
    let mut text = String::from(r#"{"shapes":["#);
    for number in 0_u32.. {
        let shape = shape(number);
        if text.len() + shape.len() + 3 > bytes {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&shape);
    }
    text.push_str("]}");
    text
}

fn shape(number: u32) -> String {
    let kind = ["rectangle", "ellipse", "note"][number as usize % 3];
    let (x, y) = (f64::from(number) * 12.75, f64::from(number % 17) * 3.125 - 20.0);
    let mut text = format!(
        r#"{{"id":"shape-{number:04}-k3v9","kind":"{kind}","x":{x},"y":{y},"layer":{number},"locked":{},"text":"#,
        number.is_multiple_of(5)
    );
    let written = match number % 4 {
        0 => String::new(),
        1 => format!("Step {number}: ask Zoë whether “done” means done"),
        2 => format!("a line\\nand another, {number}"),
        _ => "Read the minutes of the last meeting and mark what is still open".to_owned(),
    };
    let tags = ["[]", r#"["todo"]"#, r#"["retro","team-a"]"#][number as usize % 3];
    let style = ["null", r##"{"colour":"#ffcc00","width":1.5}"##][number as usize % 2];
    let author = if number.is_multiple_of(3) { "null" } else { r#""ann@example.org""# };
    // Writing to a String cannot fail.
    let _ = write!(text, r#""{written}","tags":{tags},"style":{style},"author":{author}}}"#);
    text
}

/// A publish of that data.
pub fn frame(id: u64, data: &str) -> String {
    format!(r#"{{"type":"publish","event":"draw","data":{data},"id":"rig-{id}"}}"#)
}
