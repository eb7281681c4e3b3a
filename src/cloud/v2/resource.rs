//! What a job, or one role of it, asked for.

use crate::cloud::wire::{Lenient, OwnedScalar, Reader, Scalar, document};
use crate::model::Resources;

/// What the accelerators that are NPUs are called, in the one field that does not say which they are.
const NPU: &str = "ascend";

document! {
    /// `spec.resource`, and `tasks[].task_resource`, which has what belongs to the flavour one level
    /// higher. Dedicated pools have no flavour; what they gave the container stands beside it.
    #[derive(Clone, PartialEq)]
    pub(super) struct ResourceDocument {
        flavor_id: OwnedScalar = "flavor_id",
        node_count: OwnedScalar = "node_count",
        pool_id: OwnedScalar = "pool_id",
        pool_name: OwnedScalar = "pool_name",
        flavor_detail: Lenient<FlavorDocument> = "flavor_detail",
        flavor_info: Lenient<FlavorInfoDocument> = "flavor_info",
        container: Lenient<ContainerDocument> =
            "main_container_allocated_resources" | "main_container_customized_flavor",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct FlavorDocument {
        flavor_info: Lenient<FlavorInfoDocument> = "flavor_info",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct FlavorInfoDocument {
        cpu: Lenient<CpuDocument> = "cpu",
        gpu: Lenient<AcceleratorDocument> = "gpu",
        npu: Lenient<AcceleratorDocument> = "npu",
        memory: Lenient<MemoryDocument> = "memory",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct CpuDocument {
        core_num: OwnedScalar = "core_num",
    }
}

document! {
    /// A GPU, whose `unit_num` is a number, or an NPU, whose `unit_num` is documented a string.
    #[derive(Clone, PartialEq)]
    struct AcceleratorDocument {
        unit_num: OwnedScalar = "unit_num",
        product_name: OwnedScalar = "product_name",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct MemoryDocument {
        size: OwnedScalar = "size",
        unit: OwnedScalar = "unit",
    }
}

document! {
    /// `mem_size` has no documented unit; everywhere else the cloud counts memory in gigabytes.
    #[derive(Clone, PartialEq)]
    struct ContainerDocument {
        cpu_core_num: OwnedScalar = "cpu_core_num",
        mem_size: OwnedScalar = "mem_size",
        accelerator_num: OwnedScalar = "accelerator_num",
        accelerator_type: OwnedScalar = "accelerator_type",
    }
}

/// What a role is made of. Texts are empty where the cloud says nothing.
#[derive(Debug, Default)]
pub(super) struct Role {
    pub(super) flavor: String,
    pub(super) gpu_type: String,
    pub(super) npu_type: String,
    pub(super) pool_name: String,
    pub(super) pool_id: String,
    /// A node's share times the nodes, which may be too large for a number until it is
    /// [put together](together).
    pub(super) resources: Resources,
}

impl ResourceDocument {
    /// Takes what is there; where it names no number of nodes, there are `otherwise`, or one.
    pub(super) fn read(self, otherwise: Option<f64>, reader: &mut Reader) -> Role {
        let workers = reader.amount("node_count", &self.node_count.0).or(otherwise);
        let mut role = Role {
            flavor: reader.label("flavor_id", &self.flavor_id.0),
            pool_name: reader.label("pool_name", &self.pool_name.0),
            pool_id: reader.label("pool_id", &self.pool_id.0),
            ..Role::default()
        };
        let detail = reader.object("flavor_detail", self.flavor_detail).unwrap_or_default();
        let own = reader.object("flavor_info", self.flavor_info);
        let info = reader.object("flavor_info", detail.flavor_info).or(own);
        let mut untold = match info {
            Some(info) => info.read(&mut role, reader),
            None => Untold::default(),
        };
        if let Some(container) = reader.object("main_container", self.container) {
            untold = untold.and(container.read(&mut role, reader));
        }
        untold.read_as_none(&mut role.resources);
        let nodes = workers.unwrap_or(1.0);
        let share = role.resources;
        role.resources = Resources {
            workers,
            gpus: share.gpus.map(|gpus| gpus * nodes),
            npus: share.npus.map(|npus| npus * nodes),
            cpu_cores: share.cpu_cores.map(|cores| cores * nodes),
            memory_bytes: share.memory_bytes.map(|bytes| bytes * nodes),
        };
        role
    }
}

impl FlavorInfoDocument {
    /// Writes down a node's share. A flavour lists what a node has: without the entry it has none,
    /// unless something else tells otherwise.
    fn read(self, role: &mut Role, reader: &mut Reader) -> Untold {
        let untold = Untold {
            gpus: self.gpu == Lenient::Absent && self != Self::default(),
            npus: self.npu == Lenient::Absent && self != Self::default(),
        };
        let share = &mut role.resources;
        let cpu = reader.object("cpu", self.cpu).unwrap_or_default();
        share.cpu_cores = reader.amount("core_num", &cpu.core_num.0);
        (share.gpus, role.gpu_type) = accelerators("gpu", self.gpu, reader);
        (share.npus, role.npu_type) = accelerators("npu", self.npu, reader);
        let memory = reader.object("memory", self.memory).unwrap_or_default();
        let size = reader.amount("size", &memory.size.0);
        share.memory_bytes = reader.bytes("unit", &memory.unit.0, size);
        untold
    }
}

/// Accelerators of which a flavour that lists other things has no entry.
#[derive(Clone, Copy, Debug, Default)]
struct Untold {
    gpus: bool,
    npus: bool,
}

impl Untold {
    fn and(self, other: Self) -> Self {
        Self { gpus: self.gpus && other.gpus, npus: self.npus && other.npus }
    }

    fn read_as_none(self, share: &mut Resources) {
        if self.gpus {
            share.gpus.get_or_insert(0.0);
        }
        if self.npus {
            share.npus.get_or_insert(0.0);
        }
    }
}

/// How many there are, and what they are called.
fn accelerators(
    field: &'static str,
    document: Lenient<AcceleratorDocument>,
    reader: &mut Reader,
) -> (Option<f64>, String) {
    let document = reader.object(field, document).unwrap_or_default();
    let number = reader.amount("unit_num", &document.unit_num.0);
    (number, reader.label("product_name", &document.product_name.0))
}

impl ContainerDocument {
    /// Fills in what no flavour told of a node's share. Accelerators that are there in an unknown number
    /// are told, though not how many; where nothing says what they are, they may be either.
    fn read(self, role: &mut Role, reader: &mut Reader) -> Untold {
        let share = &mut role.resources;
        let cores = reader.amount("cpu_core_num", &self.cpu_core_num.0);
        share.cpu_cores = share.cpu_cores.or(cores);
        let size = reader.amount("mem_size", &self.mem_size.0);
        let bytes = reader.bytes("mem_size", &Scalar::Absent, size);
        share.memory_bytes = share.memory_bytes.or(bytes);
        let accelerators = reader.amount("accelerator_num", &self.accelerator_num.0);
        let name = reader.label("accelerator_type", &self.accelerator_type.0);
        if name.is_empty() {
            // They are those of the flavour, if it has any.
            let are_told = share.gpus.or(share.npus).is_some();
            let has_none = are_told || accelerators.is_none_or(|number| number <= 0.0);
            return Untold { gpus: has_none, npus: has_none };
        }
        let is_npu = name.to_ascii_lowercase().contains(NPU);
        let (number, kind) = if is_npu {
            (&mut share.npus, &mut role.npu_type)
        } else {
            (&mut share.gpus, &mut role.gpu_type)
        };
        *number = number.or(accelerators);
        if kind.is_empty() {
            *kind = name;
        }
        Untold { gpus: is_npu, npus: !is_npu }
    }
}

/// All roles of a job as one: numbers are added up, texts that differ stand side by side. What is too
/// large is left out here and not before, or the sum would be that of the other roles.
pub(super) fn together(roles: Vec<Role>, reader: &mut Reader) -> Role {
    let role = roles.into_iter().reduce(Role::and).unwrap_or_default();
    let Resources { workers, gpus, npus, cpu_cores, memory_bytes } = role.resources;
    let mut finite = |sum: Option<f64>| reader.finite("resource", sum?);
    let resources = Resources {
        workers: finite(workers),
        gpus: finite(gpus),
        npus: finite(npus),
        cpu_cores: finite(cpu_cores),
        memory_bytes: finite(memory_bytes),
    };
    Role { resources, ..role }
}

impl Role {
    fn and(self, other: Self) -> Self {
        let (one, two) = (self.resources, other.resources);
        Self {
            flavor: side_by_side(self.flavor, other.flavor),
            gpu_type: side_by_side(self.gpu_type, other.gpu_type),
            npu_type: side_by_side(self.npu_type, other.npu_type),
            pool_name: side_by_side(self.pool_name, other.pool_name),
            pool_id: side_by_side(self.pool_id, other.pool_id),
            resources: Resources {
                workers: sum(one.workers, two.workers),
                gpus: sum(one.gpus, two.gpus),
                npus: sum(one.npus, two.npus),
                cpu_cores: sum(one.cpu_cores, two.cpu_cores),
                memory_bytes: sum(one.memory_bytes, two.memory_bytes),
            },
        }
    }
}

/// A role without any is none the less a part of the whole.
fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

fn side_by_side(one: String, other: String) -> String {
    if other.is_empty() || one.split(',').any(|known| known == other) {
        one
    } else if one.is_empty() {
        other
    } else {
        format!("{one},{other}")
    }
}
