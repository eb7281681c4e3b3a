use serde::Serialize;

use super::{super::job::Role, resource::FlavorDetail};

/// Name and version of the engine every job trains with, and its id.
pub(in crate::simulator::v2) const ENGINE: (&str, &str, &str) =
    ("PyTorch", "PyTorch-1.4.0-python3.6-v2", "pytorch-cp36-1.4.0-v2");

/// What is trained with.
#[derive(Debug, Serialize)]
pub(super) struct Algorithm {
    #[serde(skip_serializing_if = "Option::is_none")]
    code_dir: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_file: Option<&'static str>,
    /// Where the image is the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'static str>,
    inputs: [Channel; 1],
    outputs: [Channel; 1],
    engine: Engine,
}

#[derive(Debug, Serialize)]
struct Channel {
    name: &'static str,
    local_dir: &'static str,
    remote: Remote,
}

#[derive(Debug, Serialize)]
struct Remote {
    obs: Obs,
}

#[derive(Debug, Serialize)]
struct Obs {
    obs_url: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Engine {
    Preset { engine_id: &'static str, engine_name: &'static str, engine_version: &'static str },
    Custom { image_url: &'static str },
}

const INPUT: Channel = Channel {
    name: "data_url",
    local_dir: "/home/ma-user/modelarts/inputs/data_url_0",
    remote: Remote { obs: Obs { obs_url: "/demo-bucket/data/" } },
};

const OUTPUT: Channel = Channel {
    name: "train_url",
    local_dir: "/home/ma-user/modelarts/outputs/train_url_0",
    remote: Remote { obs: Obs { obs_url: "/demo-bucket/out/" } },
};

const CODE: &str = "obs://demo-bucket/app/";
const BOOT: &str = "obs://demo-bucket/app/train.py";

impl Engine {
    fn new(custom: bool) -> Self {
        let (engine_name, engine_version, engine_id) = ENGINE;
        if custom {
            Self::Custom { image_url: "team/train:1.0" }
        } else {
            Self::Preset { engine_id, engine_name, engine_version }
        }
    }
}

impl Algorithm {
    pub(super) fn new(custom: bool) -> Self {
        Self {
            code_dir: (!custom).then_some(CODE),
            boot_file: (!custom).then_some(BOOT),
            command: custom.then_some("bash run_train.sh"),
            inputs: [INPUT],
            outputs: [OUTPUT],
            engine: Engine::new(custom),
        }
    }
}

/// One role of a heterogeneous job. How many nodes it has, only the names of the tasks say.
#[derive(Debug, Serialize)]
pub(super) struct RoleTask {
    role: &'static str,
    algorithm: RoleAlgorithm,
    task_resource: RoleResource,
}

#[derive(Debug, Serialize)]
struct RoleAlgorithm {
    code_dir: &'static str,
    boot_file: &'static str,
    inputs: Channel,
    outputs: Channel,
    engine: Engine,
}

#[derive(Debug, Serialize)]
struct RoleResource {
    flavor_id: &'static str,
    flavor_name: &'static str,
    max_num: u64,
    #[serde(flatten)]
    detail: FlavorDetail,
}

/// Nodes a flavour can be had on.
const MOST_NODES: u64 = 16;

impl RoleTask {
    pub(super) fn new(role: &Role) -> Self {
        Self {
            role: role.name,
            algorithm: RoleAlgorithm {
                code_dir: CODE,
                boot_file: BOOT,
                inputs: INPUT,
                outputs: OUTPUT,
                engine: Engine::new(false),
            },
            task_resource: RoleResource {
                flavor_id: role.flavor.id,
                flavor_name: role.flavor.name,
                max_num: MOST_NODES,
                detail: FlavorDetail::new(role.flavor, false, false),
            },
        }
    }
}
