use serde::Serialize;

use super::super::{
    flavor::{Accelerator, Flavor},
    job::Job,
    oddity::Oddity,
};

/// What a job asked for.
#[derive(Debug, Serialize)]
pub(super) struct Spec {
    resource: Resource,
}

#[derive(Debug, Serialize)]
struct Resource {
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flavor_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flavor_name: Option<&'static str>,
    node_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool_name: Option<&'static str>,
    /// "Available only for public resource pools".
    #[serde(skip_serializing_if = "Option::is_none")]
    flavor_detail: Option<FlavorDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    main_container_allocated_resources: Option<Allocated>,
}

/// A flavour, with what a node of it has.
#[derive(Debug, Serialize)]
pub(super) struct FlavorDetail {
    flavor_type: &'static str,
    billing: Billing,
    flavor_info: FlavorInfo,
}

#[derive(Debug, Serialize)]
struct Billing {
    code: &'static str,
    unit_num: u64,
}

#[derive(Debug, Serialize)]
struct FlavorInfo {
    cpu: Cpu,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<Cards>,
    #[serde(skip_serializing_if = "Option::is_none")]
    npu: Option<Cards>,
    memory: Memory,
}

#[derive(Debug, Serialize)]
struct Cpu {
    arch: &'static str,
    core_num: u64,
}

#[derive(Debug, Serialize)]
struct Cards {
    unit_num: Count,
    product_name: &'static str,
    memory: &'static str,
}

/// A number whose type depends on whom you ask.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

#[derive(Debug, Serialize)]
struct Memory {
    size: u64,
    unit: &'static str,
}

/// What each node of a dedicated pool gives. Memory in GB.
#[derive(Debug, Serialize)]
struct Allocated {
    cpu_arch: &'static str,
    cpu_core_num: f64,
    mem_size: f64,
    accelerator_num: f64,
    accelerator_type: &'static str,
}

impl FlavorDetail {
    /// `text_gpus` and `number_npus` swap the usual types of `unit_num`.
    pub(super) fn new(flavor: Flavor, text_gpus: bool, number_npus: bool) -> Self {
        let cards = |kind, as_text: bool| {
            let count = flavor.cards_of(kind);
            (count > 0).then(|| Cards {
                unit_num: if as_text {
                    Count::Text(count.to_string())
                } else {
                    Count::Number(count)
                },
                product_name: flavor.product,
                memory: flavor.card_memory,
            })
        };
        Self {
            flavor_type: flavor.kind(),
            billing: Billing { code: flavor.id, unit_num: 1 },
            flavor_info: FlavorInfo {
                cpu: Cpu { arch: flavor.arch, core_num: flavor.cores },
                gpu: cards(Accelerator::Gpu, text_gpus),
                // Text, say the vendor's SDK and its documents.
                npu: cards(Accelerator::Npu, !number_npus),
                memory: Memory { size: flavor.memory_gb, unit: "GB" },
            },
        }
    }
}

impl Allocated {
    fn new(flavor: Flavor) -> Self {
        Self {
            cpu_arch: flavor.arch,
            cpu_core_num: flavor.cores as f64,
            mem_size: flavor.memory_gb as f64,
            accelerator_num: flavor.cards as f64,
            accelerator_type: flavor.product,
        }
    }
}

impl Spec {
    pub(super) fn new(job: &Job, now: i64) -> Self {
        // The flavours of a heterogeneous job are those of its roles.
        let flavor = job.flavor();
        let (in_pool, public): (Option<Flavor>, Option<Flavor>) =
            (flavor.filter(|it| it.pool.is_some()), flavor.filter(|it| it.pool.is_none()));
        let pool = in_pool.and_then(|flavor| flavor.pool);
        Self {
            resource: Resource {
                policy: "regular",
                flavor_id: flavor.map(|flavor| flavor.id),
                flavor_name: public.map(|flavor| flavor.name),
                node_count: job.total(now, |_| 1),
                pool_id: pool.map(|(id, _)| id),
                pool_name: pool.map(|(_, name)| name),
                flavor_detail: public.map(|flavor| {
                    let odd = job.oddity;
                    FlavorDetail::new(flavor, odd == Oddity::TextUnits, odd == Oddity::NumberUnits)
                }),
                main_container_allocated_resources: in_pool.map(Allocated::new),
            },
        }
    }
}
