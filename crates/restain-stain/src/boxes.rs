//! Pictures made smaller: a pixel for each box of so many pixels along a side.

/// The sums of boxes of `step` x `step` pixels of `N` channels each, row by row. Pixels at the right and at the bottom that fill no
/// box are left out. A box has 2^24 pixels at most.
///
/// # Panics
/// If `step` is 0, or `values` are not whole rows of `width` pixels.
pub fn sums<const N: usize>(values: &[u8], width: usize, step: usize) -> Vec<[u32; N]> {
    let across = width / step;
    if across == 0 {
        return Vec::new();
    }
    assert!(values.len().is_multiple_of(N * width), "whole rows");
    let mut result = Vec::with_capacity(values.len() / N / (step * step));
    for rows in values.chunks_exact(N * width * step) {
        let first = result.len();
        result.resize(first + across, [0; N]);
        for row in rows.chunks_exact(N * width) {
            for (sum, pixels) in result[first..].iter_mut().zip(row.chunks_exact(N * step)) {
                for pixel in pixels.as_chunks::<N>().0 {
                    sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u32::from(value));
                }
            }
        }
    }
    result
}

/// The rounded means of boxes of `step` x `step` interleaved RGB pixels, as [`sums`] takes them.
///
/// # Panics
/// As [`sums`].
///
/// ```
/// let rgb = [[10, 0, 1], [20, 0, 1], [30, 0, 1], [40, 0, 2], [99; 3]].concat();
/// assert_eq!(restain_stain::boxes::means(&[rgb.clone(), rgb].concat(), 5, 2), [15, 0, 1, 35, 0, 2]);
/// ```
pub fn means(rgb: &[u8], width: usize, step: usize) -> Vec<u8> {
    if step == 1 {
        assert!(rgb.len().is_multiple_of(3 * width), "whole rows");
        return rgb.to_vec();
    }
    let count = (step * step) as u32;
    let mean = |sum: u32| ((sum + count / 2) / count) as u8;
    sums::<3>(rgb, width, step).into_iter().flatten().map(mean).collect()
}
