//! The progress bar, with megapixels a second and time left; nothing where stderr is no terminal.

use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use restain_pipeline::Progress;

/// How often the bar looks.
const TICK: Duration = Duration::from_millis(100);

/// A bar over `total` pixels.
fn pixel_bar(quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let template = "{bar:32} {percent:>3}%  {done_mp} of {total_mp} MP  {rate} MP/s  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        let megapixels = |pixels: u64| format!("{:.1}", pixels as f64 / 1e6);
        bar.set_style(
            style
                .with_key("done_mp", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = out.write_str(&megapixels(state.pos()));
                })
                .with_key("total_mp", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = out.write_str(&megapixels(state.len().unwrap_or(0)));
                })
                .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.1}", state.per_sec() / 1e6);
                }),
        );
    }
    bar
}

/// Does `work` while a bar shows how far it is.
pub(crate) fn with_bar<T: Send>(quiet: bool, work: impl FnOnce(&Progress) -> T + Send) -> T {
    let progress = Progress::default();
    let bar = pixel_bar(quiet);
    thread::scope(|scope| {
        let worker = scope.spawn(|| work(&progress));
        while !worker.is_finished() {
            let (total, done) = progress.pixels();
            bar.set_length(total);
            bar.set_position(done);
            thread::sleep(TICK);
        }
        bar.finish_and_clear();
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
