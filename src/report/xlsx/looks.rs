//! How cells look.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder};

use crate::language::Language;
use crate::words::by;

const INK: Color = Color::RGB(0x0014_212B);
const SOFT: Color = Color::RGB(0x004A_5A66);
const TINT: Color = Color::RGB(0x00E8_EEF2);
pub(super) const BLUE: Color = Color::RGB(0x0000_639C);

/// How cells look.
pub(super) struct Looks {
    pub(super) title: Format,
    pub(super) sentence: Format,
    pub(super) soft: Format,
    pub(super) big: Format,
    pub(super) bold: Format,
    pub(super) header: Format,
    pub(super) text: Format,
    pub(super) wrapped: Format,
    pub(super) date: Format,
    pub(super) number: Format,
    pub(super) share: Format,
    pub(super) whole: [Format; 4],
}

impl Looks {
    pub(super) fn new(language: Language) -> Self {
        let plain = || Format::new().set_font_name("Calibri").set_font_size(11).set_align(FormatAlign::Top);
        let date = by(language, ["dd\\.mm\\.yyyy", "dd\\.mm\\.yyyy", "d mmm yyyy"]);
        let whole = || plain().set_bold().set_background_color(TINT);
        // Whole numbers as such, and halves with their half.
        let number = "General";
        Self {
            title: plain().set_font_size(12).set_bold().set_font_color(SOFT),
            sentence: plain().set_font_size(16).set_bold().set_font_color(INK).set_text_wrap(),
            soft: plain().set_font_color(SOFT),
            big: plain().set_font_size(20).set_bold().set_font_color(BLUE).set_align(FormatAlign::Left),
            bold: plain().set_bold(),
            header: plain()
                .set_bold()
                .set_text_wrap()
                .set_background_color(TINT)
                .set_border_bottom(FormatBorder::Medium),
            text: plain(),
            wrapped: plain().set_text_wrap(),
            date: plain().set_num_format(date).set_align(FormatAlign::Center),
            number: plain().set_num_format(number),
            share: plain().set_num_format("0\\ %"),
            whole: [
                whole(),
                whole().set_num_format(date),
                whole().set_num_format(number),
                whole().set_num_format("0\\ %"),
            ],
        }
    }
}
