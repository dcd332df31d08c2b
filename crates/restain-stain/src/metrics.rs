//! How far two images differ, streaming: PSNR, mean and largest absolute difference, SSIM.

mod difference;
mod ssim;

pub use difference::Difference;
pub use ssim::Ssim;
