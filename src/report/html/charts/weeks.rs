//! Deadlines kept, week by week.

use chrono::Datelike;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::super::super::figure::Figure;
use super::super::super::figures::Week;
use super::super::super::words;
use super::{BLUE, Drawn, GRID, INK, SOFT};
use crate::language::Language;

const SIZE: (u32, u32) = (960, 268);
/// Left, right, top and bottom of the field in which the line runs.
const FIELD: (i32, i32, i32, i32) = (54, 944, 26, 200);
/// Text of axes; the backend draws it a fifth smaller.
const TEXT: i32 = 17;
/// The most weeks that are named.
const NAMED: usize = 16;

pub(super) fn draw(language: Language, weeks: &[Week]) -> Drawn {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let drawn = lines(&area, language)
        .and_then(|()| shares(&area, language, weeks))
        .and_then(|()| names(&area, language, weeks))
        .and_then(|()| area.present());
    drop(area);
    drawn.ok().map(|()| svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Done = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn style(colour: RGBColor, size: i32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let style = ("sans-serif", size).into_font().color(&colour);
    style.pos(Pos::new(horizontal, vertical))
}

/// How high a share stands.
fn height(share: f64) -> i32 {
    let (.., top, bottom) = FIELD;
    #[expect(clippy::cast_possible_truncation, reason = "a place in the picture")]
    let up = (share * f64::from(bottom - top)).round() as i32;
    bottom - up
}

/// Where a week stands.
fn across(place: usize, weeks: usize) -> i32 {
    let (left, right, ..) = FIELD;
    let [place, weeks] = [place, weeks.max(1)].map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    left + (2 * place + 1) * (right - left) / (2 * weeks)
}

fn lines(area: &Area<'_>, language: Language) -> Done {
    let (left, right, ..) = FIELD;
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let at = height(share);
        area.draw(&PathElement::new(vec![(left, at), (right, at)], GRID))?;
        let word = words::percent(language, share);
        area.draw(&Text::new(word, (left - 8, at), style(SOFT, TEXT, HPos::Right, VPos::Center)))?;
    }
    Ok(())
}

/// The line breaks where there is no share.
fn shares(area: &Area<'_>, language: Language, weeks: &[Week]) -> Done {
    let points: Vec<Option<((i32, i32), f64)>> = weeks
        .iter()
        .enumerate()
        .map(|(place, week)| {
            week.share_in_time.value().map(|share| ((across(place, weeks.len()), height(*share)), *share))
        })
        .collect();
    for stretch in points.split(Option::is_none).filter(|stretch| stretch.len() > 1) {
        let path: Vec<(i32, i32)> = stretch.iter().flatten().map(|(point, _)| *point).collect();
        area.draw(&PathElement::new(path, BLUE.stroke_width(3)))?;
    }
    let few = weeks.len() <= NAMED;
    for (point, share) in points.into_iter().flatten() {
        area.draw(&Circle::new(point, if few { 6 } else { 3 }, BLUE.filled()))?;
        if few {
            let word = words::percent(language, share);
            // Above the point, where that does not leave the picture.
            let (place, vertical) = if point.1 < 40 { (point.1 + 10, VPos::Top) } else { (point.1 - 10, VPos::Bottom) };
            area.draw(&Text::new(word, (point.0, place), style(INK, TEXT + 1, HPos::Center, vertical)))?;
        }
    }
    Ok(())
}

/// The weeks, each with how many deadlines it had where there is room.
fn names(area: &Area<'_>, language: Language, weeks: &[Week]) -> Done {
    let bottom = FIELD.3;
    let step = weeks.len().div_ceil(NAMED).max(1);
    let years = |week: &Week| week.monday.iso_week().year();
    let several = weeks.first().map(years) != weeks.last().map(years);
    let mut year = None;
    for (place, week) in weeks.iter().enumerate().step_by(step) {
        let x = across(place, weeks.len());
        let named = words::week(language, week.monday);
        area.draw(&Text::new(named, (x, bottom + 12), style(INK, TEXT, HPos::Center, VPos::Top)))?;
        if step == 1 {
            let due = match week.due {
                Figure::Is(due) => words::count(language, due),
                Figure::Nothing => "0".to_owned(),
                Figure::Hidden => words::hidden().to_owned(),
            };
            area.draw(&Text::new(due, (x, bottom + 34), style(SOFT, TEXT, HPos::Center, VPos::Top)))?;
        }
        let of = years(week);
        if several && year.replace(of) != Some(of) {
            area.draw(&Text::new(of.to_string(), (x, bottom + 56), style(SOFT, TEXT, HPos::Center, VPos::Top)))?;
        }
    }
    Ok(())
}
