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

/// The next input entry: its length as four little-endian bytes, its bytes, zeros up to a word.
struct HintInput;

/// Random words, the same in every execution.
struct HintRandom;

/// Text for people.
struct Print;

impl PhantomSubExecutor<F> for HintInput {
    fn phantom_execute(
        &self,
        _memory: &GuestMemory,
        streams: &mut Streams<F>,
        _rng: &mut StdRng,
        _discriminant: PhantomDiscriminant,
        _a: u32,
        _b: u32,
        _c: u16,
    ) -> eyre::Result<()> {
        let Some(entry) = streams.input_stream.pop_front() else {
            eyre::bail!("it reads past the end of its input");
        };
        let length = u32::try_from(entry.len())?;
        let padding = entry.len().next_multiple_of(4) - entry.len();
        streams.hint_stream.clear();
        streams.hint_stream.extend(length.to_le_bytes().map(F::from_u8));
        streams.hint_stream.extend(entry);
        streams.hint_stream.extend(iter::repeat_n(F::ZERO, padding));
        Ok(())
    }
}

impl PhantomSubExecutor<F> for HintRandom {
    fn phantom_execute(
        &self,
        memory: &GuestMemory,
        streams: &mut Streams<F>,
        rng: &mut StdRng,
        _discriminant: PhantomDiscriminant,
        words: u32,
        _b: u32,
        _c: u16,
    ) -> eyre::Result<()> {
        let words = register(memory, words)?;
        if words > RANDOM_WORDS_MAX {
            eyre::bail!("it asks for {words} random words at once");
        }
        let bytes = iter::repeat_with(|| F::from_u8(rng.random())).take(words as usize * 4);
        streams.hint_stream.clear();
        streams.hint_stream.extend(bytes);
        Ok(())
    }
}

impl PhantomSubExecutor<F> for Print {
    fn phantom_execute(
        &self,
        memory: &GuestMemory,
        _streams: &mut Streams<F>,
        _rng: &mut StdRng,
        _discriminant: PhantomDiscriminant,
        address: u32,
        length: u32,
        _c: u16,
    ) -> eyre::Result<()> {
        let (address, length) = (register(memory, address)?, register(memory, length)?);
        let end = address as usize + length as usize;
        // Only the end of a long text is copied.
        let start = (address as usize).max(end.saturating_sub(PRINTED_BYTES_MAX));
        let Some(text) = space(memory, RV32_MEMORY_AS).get(start..end) else {
            eyre::bail!("it prints from outside of its memory");
        };
        PRINTED.with_borrow_mut(|printed| {
            printed.extend_from_slice(text);
            let excess = printed.len().saturating_sub(PRINTED_BYTES_MAX);
            printed.drain(..excess);
        });
        Ok(())
    }
}

fn register(memory: &GuestMemory, address: u32) -> eyre::Result<u32> {
    let bytes = space(memory, RV32_REGISTER_AS).get(address as usize..address as usize + 4);
    let bytes = bytes.ok_or_else(|| eyre::eyre!("it names a register that is none"))?;
    Ok(u32::from_le_bytes(bytes.try_into()?))
}

fn space(memory: &GuestMemory, address_space: u32) -> &[u8] {
    memory.memory.mem[address_space as usize].as_slice()
}
