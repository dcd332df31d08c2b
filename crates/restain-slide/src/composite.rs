//! From `OpenSlide`'s premultiplied ARGB to RGB on the background colour, row by row.
//!
//! `OpenSlide` gives one native-endian `u32` a pixel, alpha in its highest byte and blue in its lowest.

/// What a row of pixels holds, told from all its alphas at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// Every alpha is 0.
    Transparent,
    /// Every alpha is 255.
    Opaque,
    /// Anything else.
    Mixed,
}

impl Row {
    pub(crate) fn of(argb: &[u8]) -> Self {
        let (all, any) = argb
            .chunks_exact(4)
            .map(native)
            .fold((u32::MAX, 0), |(all, any), pixel| (all & pixel, any | pixel));
        match (all >> 24, any >> 24) {
            (255, _) => Self::Opaque,
            (_, 0) => Self::Transparent,
            _ => Self::Mixed,
        }
    }
}

/// Converts a row whose pixels are all opaque.
pub(crate) fn opaque(argb: &[u8], rgb: &mut [u8]) {
    convert(argb, rgb, |pixel| pixel.swap_bytes() >> 8);
}

/// Converts a row of any pixels, composited on `background`, and takes their alpha.
pub(crate) fn mixed(argb: &[u8], background: [u8; 3], rgb: &mut [u8], alpha: &mut [u8]) {
    let [r, g, b] = background.map(u32::from);
    let red_blue = r | b << 16;
    convert(argb, rgb, |pixel| {
        let clear = 255 - (pixel >> 24);
        let under = over_255(red_blue * clear) | over_255(g * clear) << 8;
        add(pixel.swap_bytes() >> 8, under)
    });
    for (alpha, pixel) in alpha.iter_mut().zip(argb.chunks_exact(4)) {
        *alpha = (native(pixel) >> 24) as u8;
    }
}

/// Two products of bytes, in the halves of a word, each divided by 255 and rounded; exact for all of them.
fn over_255(products: u32) -> u32 {
    let products = products + 0x0080_0080;
    ((products + ((products >> 8) & 0x00ff_00ff)) >> 8) & 0x00ff_00ff
}

/// Adds the lower three bytes of two words, each no further than 255.
fn add(a: u32, b: u32) -> u32 {
    let add_halves = |a: u32, b: u32| {
        let sum = (a & 0x00ff_00ff) + (b & 0x00ff_00ff);
        (sum | (((sum >> 8) & 0x0001_0001) * 255)) & 0x00ff_00ff
    };
    add_halves(a, b) | add_halves(a >> 8, b >> 8) << 8
}

/// Packs what `pixel` makes of each pixel, red in the lowest byte and blue in the third, four pixels into three words.
#[inline]
fn convert(argb: &[u8], rgb: &mut [u8], pixel: impl Fn(u32) -> u32) {
    let (fours, rest) = argb.as_chunks::<16>();
    let (outs, out_rest) = rgb.as_chunks_mut::<12>();
    for (four, out) in fours.iter().zip(outs) {
        let [a, b, c, d] = std::array::from_fn(|i| pixel(native(&four[4 * i..][..4])));
        out[..4].copy_from_slice(&(a | b << 24).to_le_bytes());
        out[4..8].copy_from_slice(&(b >> 8 | c << 16).to_le_bytes());
        out[8..].copy_from_slice(&(c >> 16 | d << 8).to_le_bytes());
    }
    for (argb, out) in rest.chunks_exact(4).zip(out_rest.chunks_exact_mut(3)) {
        out.copy_from_slice(&pixel(native(argb)).to_le_bytes()[..3]);
    }
}

fn native(pixel: &[u8]) -> u32 {
    u32::from_ne_bytes([pixel[0], pixel[1], pixel[2], pixel[3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, channel by channel in floating point.
    fn obvious(pixel: u32, background: [u8; 3]) -> [u8; 3] {
        let [alpha, colours @ ..] = pixel.to_be_bytes();
        std::array::from_fn(|i| {
            let under = f64::from(background[i]) * (1.0 - f64::from(alpha) / 255.0);
            (f64::from(colours[i]) + under.round()).min(255.0) as u8
        })
    }

    fn bytes(pixels: &[u32]) -> Vec<u8> {
        pixels.iter().flat_map(|pixel| pixel.to_ne_bytes()).collect()
    }

    #[test]
    fn every_alpha_over_every_background() {
        // Under colour 0 the row shows the background's part alone, under colour alpha the brightest valid pixel.
        for background in 0..=255u8 {
            for colour_is_alpha in [false, true] {
                let pixels: Vec<u32> =
                    (0..256).map(|a| a << 24 | if colour_is_alpha { a * 0x01_0101 } else { 0 }).collect();
                let (mut rgb, mut alpha) = (vec![0; 3 * 256], vec![0; 256]);
                let colours = [background, 255 - background, background / 2];
                mixed(&bytes(&pixels), colours, &mut rgb, &mut alpha);
                for (a, pixel) in pixels.iter().enumerate() {
                    assert_eq!(rgb[3 * a..][..3], obvious(*pixel, colours), "alpha {a} over {colours:?}");
                    assert_eq!(usize::from(alpha[a]), a);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn rows_of_any_length_equal_the_definition(
            pixels in prop::collection::vec(any::<u32>(), 0..40),
            background: [u8; 3],
        ) {
            let (mut rgb, mut alpha) = (vec![0; 3 * pixels.len()], vec![0; pixels.len()]);
            mixed(&bytes(&pixels), background, &mut rgb, &mut alpha);
            let expected: Vec<u8> = pixels.iter().flat_map(|&pixel| obvious(pixel, background)).collect();
            prop_assert_eq!(&rgb, &expected);
            let solid: Vec<u32> = pixels.iter().map(|pixel| pixel | 0xff00_0000).collect();
            opaque(&bytes(&solid), &mut rgb);
            let expected: Vec<u8> = solid.iter().flat_map(|&pixel| obvious(pixel, background)).collect();
            prop_assert_eq!(&rgb, &expected);
        }

        #[test]
        fn one_pixel_decides_what_a_row_is(colours in prop::collection::vec(any::<u32>(), 2..40), odd in 0usize..40) {
            let odd = odd % colours.len();
            let opaque: Vec<u32> = colours.iter().map(|pixel| pixel | 0xff00_0000).collect();
            prop_assert_eq!(Row::of(&bytes(&opaque)), Row::Opaque);
            prop_assert_eq!(Row::of(&bytes(&vec![0; colours.len()])), Row::Transparent);
            for alpha in [0, 1, 127, 254] {
                let mut row = opaque.clone();
                row[odd] = row[odd] & 0x00ff_ffff | alpha << 24;
                prop_assert_eq!(Row::of(&bytes(&row)), Row::Mixed);
            }
        }
    }
}
