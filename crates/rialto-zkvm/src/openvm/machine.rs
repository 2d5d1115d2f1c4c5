//! The virtual machine that programs run on, and its parameters: one fixed set.
//!
//! RV32IM with Keccak-256 and SHA-256, 1024 bytes of public values, 100 bits of proven
//! security. The circuit is OpenVM's own, unchanged; only what the host does at a program's
//! request is replaced, see [`requests`](super::requests).

use openvm_circuit::arch::instructions::{LocalOpcode, SystemOpcode};
use openvm_circuit::arch::{
    AirInventory, AirInventoryError, ChipInventoryError, ExecutorInventory, ExecutorInventoryError,
    InitFileGenerator, SystemConfig, VirtualMachine, VirtualMachineError, VmBuilder, VmChipComplex,
    VmCircuitConfig, VmExecutionConfig,
};
use openvm_circuit::system::phantom::PhantomExecutor;
use openvm_sdk::config::AppConfig;
use openvm_sdk::keygen::AppProvingKey;
use openvm_sdk::{DefaultStarkEngine, F, SC};
use openvm_sdk_config::{SdkVmConfig, SdkVmCpuBuilder, TranspilerConfig};
use openvm_stark_sdk::config::app_params_with_100_bits_security;
use openvm_stark_sdk::openvm_stark_backend::prover::DeviceDataTransporter;
use openvm_stark_sdk::openvm_stark_backend::{EngineDeviceCtx, StarkEngine};
use openvm_transpiler::transpiler::Transpiler;
use serde::{Deserialize, Serialize};

use super::requests;

pub(super) type Engine = DefaultStarkEngine;
pub(super) type Machine = VirtualMachine<Engine, MachineBuilder>;
pub(super) type ProvingKey = AppProvingKey<MachineConfig>;

/// Bytes of public values: four for the journal's length, the rest for the journal.
pub(super) const PUBLIC_VALUES: usize = 1024;

/// The address space of a program.
pub(super) const MEMORY_BYTES: u64 = 1 << 29;

/// The smallest that holds the machine's fixed tables (2^19 rows). Proving costs a fixed time
/// per segment that grows with it, verifying hardly does: smaller is better as long as
/// programs are short.
const LOG_STACKED_HEIGHT: usize = 19;

/// OpenVM's configuration with our answers to a program's requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MachineConfig(SdkVmConfig);

impl MachineConfig {
    fn new() -> Self {
        let system = SystemConfig::default().with_public_values(PUBLIC_VALUES);
        let config = SdkVmConfig::builder()
            .system(system.into())
            .rv32i(Default::default())
            .rv32m(Default::default())
            .io(Default::default())
            .keccak(Default::default())
            .sha2(Default::default())
            .build();
        Self(config.optimize())
    }

    pub(super) fn transpiler(&self) -> Transpiler<F> {
        self.0.transpiler()
    }

    pub(super) fn system(&self) -> &SystemConfig {
        self.0.as_ref()
    }
}

/// Makes the keys for the parameters above.
pub(super) fn make_proving_key() -> Result<ProvingKey, AirInventoryError> {
    let security = app_params_with_100_bits_security(LOG_STACKED_HEIGHT);
    AppProvingKey::keygen(AppConfig::new(MachineConfig::new(), security))
}

/// What machines are made of.
pub(super) struct Blueprint {
    pub(super) key: ProvingKey,
    /// A segment is cut when OpenVM estimates that proving it takes more memory than this.
    pub(super) segment_memory_max_bytes: usize,
}

impl Blueprint {
    /// A machine to execute or prove on. It takes some 20 ms and cannot leave its thread, so
    /// whoever needs one makes one.
    pub(super) fn start(&self) -> Result<Machine, VirtualMachineError> {
        let key = &self.key.app_vm_pk;
        let engine = Engine::new(key.get_params());
        let device_key = engine.device().transport_pk_to_device(&*key.vm_pk);
        let mut config = key.vm_config.clone();
        config.0.as_mut().set_segmentation_max_memory(self.segment_memory_max_bytes);
        VirtualMachine::new(engine, MachineBuilder, config, device_key)
    }

    pub(super) fn config(&self) -> &MachineConfig {
        &self.key.app_vm_pk.vm_config
    }
}

impl VmExecutionConfig<F> for MachineConfig {
    type Executor = <SdkVmConfig as VmExecutionConfig<F>>::Executor;

    fn create_executors(
        &self,
    ) -> Result<ExecutorInventory<Self::Executor>, ExecutorInventoryError> {
        let mut executors = VmExecutionConfig::<F>::create_executors(&self.0)?;
        let phantom: &mut PhantomExecutor<F> =
            executors.find_executor_mut().next().expect("every OpenVM machine has one");
        *phantom = PhantomExecutor::new(requests::all(), SystemOpcode::PHANTOM.global_opcode());
        Ok(executors)
    }
}

impl VmCircuitConfig<SC> for MachineConfig {
    fn create_airs(&self) -> Result<AirInventory<SC>, AirInventoryError> {
        self.0.create_airs()
    }
}

impl InitFileGenerator for MachineConfig {}

impl AsRef<SystemConfig> for MachineConfig {
    fn as_ref(&self) -> &SystemConfig {
        self.0.as_ref()
    }
}

impl AsMut<SystemConfig> for MachineConfig {
    fn as_mut(&mut self) -> &mut SystemConfig {
        self.0.as_mut()
    }
}

/// Builds the prover's side of [`MachineConfig`]: OpenVM's.
#[derive(Clone, Copy, Debug)]
pub(super) struct MachineBuilder;

type Chips = SdkVmCpuBuilder;

impl VmBuilder<Engine> for MachineBuilder {
    type VmConfig = MachineConfig;
    type RecordArena = <Chips as VmBuilder<Engine>>::RecordArena;
    type SystemChipInventory = <Chips as VmBuilder<Engine>>::SystemChipInventory;

    fn create_chip_complex(
        &self,
        config: &MachineConfig,
        circuit: AirInventory<SC>,
        device: &EngineDeviceCtx<Engine>,
    ) -> Result<
        VmChipComplex<
            SC,
            Self::RecordArena,
            <Engine as StarkEngine>::PB,
            Self::SystemChipInventory,
        >,
        ChipInventoryError,
    > {
        VmBuilder::<Engine>::create_chip_complex(&SdkVmCpuBuilder, &config.0, circuit, device)
    }
}
