//! The picture of a preview: the whole slide, and below it the regions, two in a row; of each before and, on its right, after.

use std::convert::Infallible;

use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::{MonoTextStyle, MonoTextStyleBuilder, ascii::FONT_10X20};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{Drawable, Primitive};
use embedded_graphics::primitives::{PrimitiveStyleBuilder, Rectangle, StrokeAlignment};
use embedded_graphics::text::{Baseline, Text};
use embedded_graphics::{Pixel, draw_target::DrawTarget};
use image::imageops::{self, FilterType};
use image::math::Rect;
use image::{Rgb, RgbImage};

use super::regions::SIDE;

/// White around everything, and between what does not belong together, in pixels.
const SPACE: u32 = 24;
/// White between a region before and after.
const GAP: u32 = 8;
/// Width of the whole slide, and of a region before and after.
const COLUMN: u32 = 2 * SIDE + GAP;
/// Height of a line of text and the white below it.
const LINE: u32 = 26;
/// Shortest side of what is framed.
const SHORTEST: f64 = 12.0;
/// Width of a frame: white with a line of black on either side.
const FRAME: u32 = 4;
/// Height of a frame's number.
const TAG: u32 = FONT_10X20.character_size.height;

/// The same before and after, of the same size.
pub(super) struct Pair {
    pub(super) before: RgbImage,
    pub(super) after: RgbImage,
}

/// Draws the whole slide with frames at the places of the regions, in its pixels, and the regions.
pub(super) fn draw(whole: &Pair, places: &[Rect], regions: &[Pair]) -> RgbImage {
    let (width, height) = whole.before.dimensions();
    let scale = (f64::from(COLUMN) / f64::from(width.max(height))).min(1.0);
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let (width, height) = (scaled(width), scaled(height));
    let rows = regions.len().div_ceil(2) as u32;
    let sheet_height = SPACE + LINE + height + rows * (SPACE + LINE + SIDE) + SPACE;
    let mut sheet = Sheet(RgbImage::from_pixel(3 * SPACE + 2 * COLUMN, sheet_height, Rgb([255; 3])));
    let columns = [SPACE, 2 * SPACE + COLUMN];

    let captions = ["before", "after (colours estimated from the regions below)"];
    for ((x, side), caption) in columns.into_iter().zip([&whole.before, &whole.after]).zip(captions) {
        let shown = imageops::resize(side, width, height, FilterType::Triangle);
        sheet.place(&shown, x, SPACE, caption);
        for (number, place) in (1..).zip(places) {
            sheet.frame(place, scale, x, SPACE + LINE, number);
        }
    }
    for (row, pairs) in (0..).zip(regions.chunks(2)) {
        let y = SPACE + LINE + height + SPACE + row * (LINE + SIDE + SPACE);
        for ((x, pair), number) in columns.into_iter().zip(pairs).zip(2 * row + 1..) {
            sheet.place(&pair.before, x, y, &format!("{number} before"));
            sheet.place(&pair.after, x + SIDE + GAP, y, &format!("{number} after"));
        }
    }
    sheet.0
}

/// Pixels to draw on.
struct Sheet(RgbImage);

impl Sheet {
    /// Places a picture below its caption.
    fn place(&mut self, picture: &RgbImage, x: u32, y: u32, caption: &str) {
        self.text(caption, Point::new(x as i32, y as i32), text().text_color(Rgb888::BLACK).build());
        imageops::replace(&mut self.0, picture, x.into(), (y + LINE).into());
    }

    /// Frames a place of a picture that lies at `x` and `y`, white within black so that it shows on anything, and numbers it.
    fn frame(&mut self, place: &Rect, scale: f64, x: u32, y: u32, number: u32) {
        let span = |from: u32, length: u32| {
            let (from, length) = (f64::from(from) * scale, f64::from(length) * scale);
            let least = length.max(SHORTEST);
            ((from - (least - length) / 2.0).round() as i32, least.round() as u32)
        };
        let ((left, width), (top, height)) = (span(place.x, place.width), span(place.y, place.height));
        let corner = Point::new(x as i32 + left, y as i32 + top);
        let inner = Rectangle::new(corner, Size::new(width, height));
        for (rectangle, color, stroke) in
            [(inner, Rgb888::BLACK, FRAME), (inner.offset(1), Rgb888::WHITE, FRAME - 2)]
        {
            let style = PrimitiveStyleBuilder::new().stroke_color(color).stroke_width(stroke);
            let outside = style.stroke_alignment(StrokeAlignment::Outside).build();
            let Ok(()) = rectangle.into_styled(outside).draw(self);
        }
        let tag = text().text_color(Rgb888::WHITE).background_color(Rgb888::BLACK).build();
        // Above the frame or, at the top of the picture, below.
        let above = corner - Point::new(FRAME as i32, FRAME as i32 + TAG as i32);
        let below = above + Point::new(0, (height + 2 * FRAME + TAG) as i32);
        self.text(&number.to_string(), if above.y < y as i32 { below } else { above }, tag);
    }

    fn text(&mut self, words: &str, corner: Point, style: MonoTextStyle<'_, Rgb888>) {
        let Ok(_) = Text::with_baseline(words, corner, style, Baseline::Top).draw(self);
    }
}

fn text() -> MonoTextStyleBuilder<'static, Rgb888> {
    MonoTextStyleBuilder::new().font(&FONT_10X20)
}

impl OriginDimensions for Sheet {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Sheet {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let (Ok(x), Ok(y)) = (point.x.try_into(), point.y.try_into())
                && let Some(pixel) = self.0.get_pixel_mut_checked(x, y)
            {
                *pixel = Rgb([color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
