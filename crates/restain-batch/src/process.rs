//! The process that works on slides, as its supervisor holds it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::message::{Answer, Request};
use crate::{Error, Result};

/// Bytes of what a process said last that are kept.
const LAST_WORDS: usize = 2000;
/// Arenas of the allocator of glibc.
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "1");
/// How long a process that is killed may take to be gone.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// A process that runs [`crate::worker::run`].
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<Answer>,
    last_words: JoinHandle<String>,
}

impl Process {
    /// Starts it, for the output folder `out` and a batch that was begun at `begun`, milliseconds since 1970.
    pub(crate) fn start(mut command: Command, out: &Path, begun: u64) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Else each thread of each slide keeps in an arena of its own what it has freed (mallopt(3)), and memory creeps up.
        if std::env::var_os(ARENAS.0).is_none() {
            command.env(ARENAS.0, ARENAS.1);
        }
        // A Ctrl-C at the terminal is for the supervisor alone, which then asks the process to roll back.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(Error::Start)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::Protocol("no pipes".to_owned()));
        };
        let (sender, answers) = crossbeam_channel::unbounded();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // What is no answer is a library's chatter.
                let Ok(answer) = serde_json::from_str(&line) else { continue };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        let last_words = thread::spawn(move || last_words(stderr));
        let mut process = Self { child, stdin: Some(stdin), answers, last_words };
        process.ask(&Request::Setup { output: out.into(), begun })?;
        Ok(process)
    }

    /// Says something to it.
    ///
    /// # Errors
    /// [`Error::Protocol`] where it cannot be said, as no answer would ever come.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<()> {
        let line = serde_json::to_string(request).map_err(|error| Error::Protocol(error.to_string()))?;
        // A process that has ended is noticed by its silence.
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
        Ok(())
    }

    /// The next thing that it says within `wait`.
    pub(crate) fn answer(&self, wait: Duration) -> Result<Answer, RecvTimeoutError> {
        self.answers.recv_timeout(wait)
    }

    /// Tells it that nothing more will be said.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        // One that waits for a disk that does not answer ends when that does; nobody waits for it.
        let begun = Instant::now();
        while begun.elapsed() < LAST_BREATH && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(LAST_BREATH / 100);
        }
    }

    /// Why a process that has ended did so, with its last words where they may be said: they may quote the slide.
    pub(crate) fn reason(mut self, with_words: bool) -> String {
        self.hang_up();
        let status = self.child.wait();
        let words = self.last_words.join().unwrap_or_default();
        let status = match status {
            #[cfg(unix)]
            Ok(status) => std::os::unix::process::ExitStatusExt::signal(&status)
                .map_or_else(|| status.to_string(), |signal| format!("signal {signal}{}", meaning(signal))),
            #[cfg(not(unix))]
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        if words.is_empty() || !with_words { status } else { format!("{status}: {words}") }
    }
}

/// What a signal usually means to a person.
#[cfg(unix)]
fn meaning(signal: i32) -> &'static str {
    match signal {
        4 | 6 | 7 | 8 | 11 => ", a crash in a library: the slide is damaged in a way that it does not expect",
        9 => ", most often because the memory of the machine was full",
        25 => ", the limit on the size of files: see `ulimit -f`",
        _ => "",
    }
}

/// The end of what a process says, however much it is.
fn last_words(mut stderr: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).trim().lines().last().unwrap_or_default().to_owned()
}
