//! What the host does when a program asks: hand over the input, give random words, print.
//!
//! OpenVM's own answers are for a developer's terminal: they print to the process's standard
//! output and take lengths from the program unchecked. Programs here are strangers', so
//! printing goes to a bounded buffer of the executing thread and every length has a limit. In
//! the circuit these instructions do nothing at all, so none of this bears on soundness.

use std::cell::RefCell;
use std::iter;
use std::sync::Arc;

use openvm_circuit::arch::instructions::riscv::{RV32_MEMORY_AS, RV32_REGISTER_AS};
use openvm_circuit::arch::instructions::{PhantomDiscriminant, SysPhantom};
use openvm_circuit::arch::{PhantomSubExecutor, Streams};
use openvm_circuit::system::memory::online::{GuestMemory, LinearMemory};
use openvm_circuit::system::phantom::NopPhantomExecutor;
use openvm_sdk::F;
use openvm_stark_sdk::openvm_stark_backend::p3_field::PrimeCharacteristicRing;
use rand::Rng;
use rand::rngs::StdRng;

/// How much of what a program prints is kept: its end, because a panic comes last.
const PRINTED_BYTES_MAX: usize = 4096;

/// Random words per request. A hash map asks for four.
const RANDOM_WORDS_MAX: u32 = 1 << 16;

// The numbers of these requests in OpenVM's instruction set.
const HINT_INPUT: u16 = 0x20;
const PRINT: u16 = 0x21;
const HINT_RANDOM: u16 = 0x22;

thread_local! {
    static PRINTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` and returns with it the end of what a program printed on this thread.
pub(super) fn with_printed<T>(work: impl FnOnce() -> T) -> (T, Vec<u8>) {
    PRINTED.with_borrow_mut(Vec::clear);
    let result = work();
    (result, PRINTED.take())
}

/// Every request that a program can make, by number.
pub(super) fn all<Requests>() -> Requests
where
    Requests: FromIterator<(PhantomDiscriminant, Arc<dyn PhantomSubExecutor<F>>)>,
{
    // OpenVM handles a program's own request to panic before it looks here.
    let ignored = [SysPhantom::Nop, SysPhantom::DebugPanic, SysPhantom::CtStart, SysPhantom::CtEnd]
        .map(|request| (request as u16, Arc::new(NopPhantomExecutor) as Arc<_>));
    let answered: [(u16, Arc<dyn PhantomSubExecutor<F>>); 3] = [
        (HINT_INPUT, Arc::new(HintInput)),
        (PRINT, Arc::new(Print)),
        (HINT_RANDOM, Arc::new(HintRandom)),
    ];
    let all = ignored.into_iter().chain(answered);
    all.map(|(number, answer)| (PhantomDiscriminant(number), answer)).collect()
}

/// A program's request and what it may touch.
struct Asked<'a> {
    memory: &'a GuestMemory,
    streams: &'a mut Streams<F>,
    rng: &'a mut StdRng,
    /// Addresses of the registers that the instruction names.
    registers: [u32; 2],
}

impl Asked<'_> {
    fn register(&self, index: usize) -> eyre::Result<u32> {
        let address = self.registers[index] as usize;
        let bytes = space(self.memory, RV32_REGISTER_AS).get(address..address + 4);
        let bytes = bytes.ok_or_else(|| eyre::eyre!("it names a register that is none"))?;
        Ok(u32::from_le_bytes(bytes.try_into()?))
    }
}

fn space(memory: &GuestMemory, address_space: u32) -> &[u8] {
    memory.memory.mem[address_space as usize].as_slice()
}

/// The next input entry: its length as four little-endian bytes, its bytes, zeros up to a word.
fn hint_input(asked: Asked<'_>) -> eyre::Result<()> {
    let Some(entry) = asked.streams.input_stream.pop_front() else {
        eyre::bail!("it reads past the end of its input");
    };
    let length = u32::try_from(entry.len())?;
    let padding = entry.len().next_multiple_of(4) - entry.len();
    let hints = &mut asked.streams.hint_stream;
    hints.clear();
    hints.extend(length.to_le_bytes().map(F::from_u8));
    hints.extend(entry);
    hints.extend(iter::repeat_n(F::ZERO, padding));
    Ok(())
}

/// Random words, the same in every execution.
fn hint_random(asked: Asked<'_>) -> eyre::Result<()> {
    let words = asked.register(0)?;
    if words > RANDOM_WORDS_MAX {
        eyre::bail!("it asks for {words} random words at once");
    }
    let Asked { streams, rng, .. } = asked;
    let bytes = iter::repeat_with(|| F::from_u8(rng.random())).take(words as usize * 4);
    streams.hint_stream.clear();
    streams.hint_stream.extend(bytes);
    Ok(())
}

/// Text for people.
fn print(asked: Asked<'_>) -> eyre::Result<()> {
    let (address, length) = (asked.register(0)? as usize, asked.register(1)? as usize);
    let end = address + length;
    // Only the end of a long text is copied.
    let start = address.max(end.saturating_sub(PRINTED_BYTES_MAX));
    let Some(text) = space(asked.memory, RV32_MEMORY_AS).get(start..end) else {
        eyre::bail!("it prints from outside of its memory");
    };
    PRINTED.with_borrow_mut(|printed| {
        printed.extend_from_slice(text);
        let excess = printed.len().saturating_sub(PRINTED_BYTES_MAX);
        printed.drain(..excess);
    });
    Ok(())
}

/// Makes functions that take an [`Asked`] into what OpenVM calls.
macro_rules! answers {
    ($($name:ident = $function:ident;)*) => { $(
        struct $name;

        impl PhantomSubExecutor<F> for $name {
            fn phantom_execute(
                &self,
                memory: &GuestMemory,
                streams: &mut Streams<F>,
                rng: &mut StdRng,
                _discriminant: PhantomDiscriminant,
                a: u32,
                b: u32,
                _c: u16,
            ) -> eyre::Result<()> {
                $function(Asked { memory, streams, rng, registers: [a, b] })
            }
        }
    )* };
}

answers! {
    HintInput = hint_input;
    HintRandom = hint_random;
    Print = print;
}
