//! How far two images differ, streaming: PSNR, mean and largest absolute difference, SSIM, CIEDE2000, and the Fréchet
//! distance between sets of images.

mod ciede2000;
mod difference;
mod frechet;
mod ssim;

pub use ciede2000::{ColourDifference, ciede2000};
pub use difference::Difference;
pub use frechet::frechet;
pub use ssim::Ssim;
