//! The terminal: raw and on its other page while this lives, and as it was afterwards.

use anyhow::{Context, Result};
use ratatui::backend::TermionBackend;
use ratatui::termion::event::Key;
use ratatui::termion::input::TermRead;
use ratatui::termion::raw::{IntoRawMode, RawTerminal};
use ratatui::termion::screen::{AlternateScreen, IntoAlternateScreen};
use ratatui::{Frame, Terminal};
use std::io::Stdout;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Keys that nobody has looked at; who types faster waits.
const KEYS_MAX: usize = 16;

type Backend = TermionBackend<AlternateScreen<RawTerminal<Stdout>>>;

/// A terminal that is drawn on.
pub(super) struct Screen {
    terminal: Terminal<Backend>,
    keys: mpsc::Receiver<std::io::Result<Key>>,
    resized: Signal,
}

impl Screen {
    pub(super) fn open() -> Result<Self> {
        let resized = signal(SignalKind::window_change()).context("cannot listen for signals")?;
        let page = std::io::stdout().into_raw_mode()?.into_alternate_screen()?;
        let mut terminal = Terminal::new(TermionBackend::new(page))?;
        terminal.hide_cursor()?;
        terminal.clear()?;
        Ok(Self { terminal, keys: read_keys(), resized })
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        self.terminal.draw(draw)?;
        Ok(())
    }

    /// Waits for the next key; without one when the terminal has another size. When there will be
    /// neither, the terminal is gone.
    pub(super) async fn touched(&mut self) -> Result<Option<Key>> {
        tokio::select! {
            key = self.keys.recv() => Ok(Some(key.context("the terminal is gone")??)),
            resized = self.resized.recv() => {
                resized.context("cannot listen for signals")?;
                Ok(None)
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The page and the mode are put back by their own types; a terminal that is gone has no cursor.
        let _ = self.terminal.show_cursor();
    }
}

/// A thread of its own, since reading a terminal cannot be cancelled; it ends with the process.
fn read_keys() -> mpsc::Receiver<std::io::Result<Key>> {
    let (typed, keys) = mpsc::channel(KEYS_MAX);
    std::thread::spawn(move || {
        for key in std::io::stdin().keys() {
            if typed.blocking_send(key).is_err() {
                return;
            }
        }
    });
    keys
}
