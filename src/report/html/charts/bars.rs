//! Bars that lie, each under its name: names of rules are long.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::super::super::figure::Figure;
use super::super::super::words;
use super::{Drawn, INK, SOFT};
use crate::language::Language;

/// What is counted for one name.
pub(super) struct Group {
    pub(super) label: String,
    pub(super) bars: Vec<(Figure<u64>, RGBColor)>,
}

const WIDTH: u32 = 520;
/// The longest bar; its number stands behind it.
const LONGEST: u64 = 440;
const TEXT: i32 = 17;
const LABEL: i32 = 22;
const BAR: i32 = 15;
const GAP: i32 = 12;
/// About as much of a name as fits; the table has all of it.
const LETTERS: usize = 62;

pub(super) fn draw(language: Language, groups: &[Group]) -> Drawn {
    let most = groups.iter().flat_map(|group| &group.bars).filter_map(|(count, _)| count.value()).max().copied();
    let height: i32 = groups.iter().map(height).sum();
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, u32::try_from(height).ok()?)).into_drawing_area();
    let style = |colour: RGBColor, size: i32| {
        ("sans-serif", size).into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Center))
    };
    let mut top = 0;
    for group in groups {
        let label = shortened(&group.label);
        area.draw(&Text::new(label, (0, top + LABEL / 2), style(INK, TEXT))).ok()?;
        for ((count, colour), row) in group.bars.iter().zip(0..) {
            let at = top + LABEL + row * BAR;
            let value = count.value().copied().unwrap_or(0);
            let length = i32::try_from(value * LONGEST / most.unwrap_or(1).max(1)).ok()?.max(i32::from(value > 0) * 2);
            area.draw(&Rectangle::new([(0, at + 1), (length, at + BAR - 2)], colour.filled())).ok()?;
            let word = words::shown(*count, |count| words::count(language, count));
            area.draw(&Text::new(word, (length + 6, at + BAR / 2), style(SOFT, TEXT))).ok()?;
        }
        top += self::height(group);
    }
    area.present().ok()?;
    drop(area);
    Some(svg)
}

fn height(group: &Group) -> i32 {
    LABEL + BAR * i32::try_from(group.bars.len()).unwrap_or(1) + GAP
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LETTERS {
        return label.to_owned();
    }
    let short: String = label.chars().take(LETTERS - 1).collect();
    format!("{}…", short.trim_end())
}
