use super::super::usage::Curve;

/// What computes beside the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accelerator {
    None,
    Gpu,
    Npu,
}

/// What a task runs on: one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flavor {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) arch: &'static str,
    pub(super) cores: u64,
    pub(super) memory_gb: u64,
    pub(super) accelerator: Accelerator,
    pub(super) cards: u64,
    /// What the cards are called; in a dedicated pool, their type.
    pub(super) product: &'static str,
    /// Of one card, as the wire has it.
    pub(super) card_memory: &'static str,
    /// Id and name of a dedicated pool. There the answers carry what was allocated and no details of
    /// the flavour.
    pub(super) pool: Option<(&'static str, &'static str)>,
}

impl Flavor {
    /// The wire's word for the kind of flavour.
    pub(super) fn kind(self) -> &'static str {
        match self.accelerator {
            Accelerator::None => "CPU",
            Accelerator::Gpu => "GPU",
            Accelerator::Npu => "Ascend",
        }
    }

    /// Cards of a kind.
    pub(super) fn cards_of(self, kind: Accelerator) -> u64 {
        if self.accelerator == kind { self.cards } else { 0 }
    }

    /// How it is used when nothing is wrong.
    pub(super) fn curve(self) -> Curve {
        if self.accelerator == Accelerator::None { Curve::CpuOnly } else { Curve::Busy }
    }
}

pub(super) const CPU: Flavor = Flavor {
    id: "modelarts.vm.cpu.8u",
    name: "Computing CPU(8U) instance",
    arch: "x86",
    cores: 8,
    memory_gb: 32,
    accelerator: Accelerator::None,
    cards: 0,
    product: "",
    card_memory: "",
    pool: None,
};

pub(super) const GPU: Flavor = Flavor {
    id: "modelarts.vm.gpu.v100",
    name: "Computing GPU(Vnt1) instance",
    cores: 8,
    memory_gb: 64,
    accelerator: Accelerator::Gpu,
    cards: 1,
    product: "GP-Vnt1",
    card_memory: "32GB",
    ..CPU
};

pub(super) const EIGHT_GPUS: Flavor = Flavor {
    id: "modelarts.bm.gpu.8v100NV",
    name: "Computing GPU(8*Vnt1) instance",
    cores: 64,
    memory_gb: 512,
    cards: 8,
    ..GPU
};

pub(super) const NPU: Flavor = Flavor {
    id: "modelarts.kat1.xlarge",
    name: "Computing Ascend(1*Snt9) instance",
    arch: "arm64",
    cores: 24,
    memory_gb: 96,
    accelerator: Accelerator::Npu,
    cards: 1,
    product: "snt9",
    card_memory: "32GB",
    pool: None,
};

pub(super) const EIGHT_NPUS: Flavor = Flavor {
    id: "modelarts.kat1.8xlarge",
    name: "Computing Ascend(8*Snt9) instance",
    cores: 192,
    memory_gb: 720,
    cards: 8,
    ..NPU
};

/// In a dedicated pool.
pub(super) const POOLED_NPUS: Flavor = Flavor {
    id: "modelarts.pool.visual.8xlarge",
    name: "",
    product: "ascend-snt9b",
    card_memory: "64GB",
    pool: Some(("pool-3f2a9c11-research", "research")),
    ..EIGHT_NPUS
};

/// In a dedicated pool.
pub(super) const POOLED_GPUS: Flavor = Flavor {
    id: "modelarts.pool.visual.2xlarge",
    name: "",
    arch: "x86",
    cores: 16,
    memory_gb: 128,
    accelerator: Accelerator::Gpu,
    cards: 2,
    product: "nvidia-a100",
    card_memory: "80GB",
    pool: Some(("pool-7d1e384a-vision", "vision")),
};
