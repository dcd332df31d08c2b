//! How far two images differ, streaming: PSNR, mean and largest absolute difference, SSIM, CIEDE2000.

mod ciede2000;
mod difference;
mod ssim;

pub use ciede2000::{ColourDifference, ciede2000};
pub use difference::Difference;
pub use ssim::Ssim;
