//! A reader of the protobuf exposition, written from Prometheus' `metrics.proto` and not from our writer.

use crate::parser::{Family, Sample};

/// A field's value, by wire type.
enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// Reads messages, each behind its length, into what the text format would say: a histogram becomes its
/// buckets, sum and count. Any irregularity is an error.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Vec<Family>, String> {
    let mut families: Vec<Family> = Vec::new();
    while !bytes.is_empty() {
        let message = delimited(&mut bytes)?;
        let family = family(message)?;
        if families.iter().any(|before| before.name == family.name) {
            return Err(format!("{} is there twice", family.name));
        }
        families.push(family);
    }
    Ok(families)
}

fn family(message: &[u8]) -> Result<Family, String> {
    let mut family = Family::default();
    let (mut help, mut metrics) = (None, Vec::new());
    for (number, field) in fields(message)? {
        match (number, field) {
            (1, Field::Bytes(name)) => family.name = text(name)?,
            (2, Field::Bytes(bytes)) => help = Some(text(bytes)?),
            (3, Field::Varint(0)) => family.kind = "counter".into(),
            (3, Field::Varint(1)) => family.kind = "gauge".into(),
            (3, Field::Varint(4)) => family.kind = "histogram".into(),
            (4, Field::Bytes(metric)) => metrics.push(metric),
            (5, Field::Bytes(unit)) => family.unit = Some(text(unit)?),
            (number, _) => return Err(format!("field {number} of a family")),
        }
    }
    if family.name.is_empty() || family.kind.is_empty() || help.is_none() || metrics.is_empty() {
        return Err(format!("{family:?} is not whole"));
    }
    for metric in metrics {
        let samples = samples(&family, metric).map_err(|e| format!("{}: {e}", family.name))?;
        family.samples.extend(samples);
    }
    Ok(family)
}

fn samples(family: &Family, metric: &[u8]) -> Result<Vec<Sample>, String> {
    let (mut labels, mut samples) = (Vec::new(), Vec::new());
    for (number, field) in fields(metric)? {
        let Field::Bytes(bytes) = field else { return Err(format!("field {number} of a metric")) };
        match (number, family.kind.as_str()) {
            (1, _) if samples.is_empty() => labels.push(label(bytes)?),
            (2, "gauge") | (3, "counter") if samples.is_empty() => {
                samples.push(Sample {
                    name: family.name.clone(),
                    labels: labels.clone(),
                    value: only_double(bytes)?,
                });
            }
            (7, "histogram") if samples.is_empty() => {
                samples = histogram(&family.name, &labels, bytes)?;
            }
            _ => return Err(format!("field {number} of a {}", family.kind)),
        }
    }
    if samples.is_empty() { Err("no value".into()) } else { Ok(samples) }
}

fn label(message: &[u8]) -> Result<(String, String), String> {
    match fields(message)?.as_slice() {
        [(1, Field::Bytes(name)), (2, Field::Bytes(value))] => Ok((text(name)?, text(value)?)),
        _ => Err("a label is a name and a value".into()),
    }
}

fn histogram(
    name: &str,
    labels: &[(String, String)],
    message: &[u8],
) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    let mut totals = [None, None];
    let sample = |suffix: &str, bound: Option<String>, value| Sample {
        name: format!("{name}{suffix}"),
        labels: labels.iter().cloned().chain(bound.map(|bound| ("le".into(), bound))).collect(),
        value,
    };
    for (number, field) in fields(message)? {
        match (number, field) {
            #[expect(clippy::cast_precision_loss, reason = "no test counts to 2^53")]
            (1, Field::Varint(count)) => totals[1] = Some(count as f64),
            (2, Field::Fixed64(sum)) => totals[0] = Some(f64::from_le_bytes(sum)),
            (3, Field::Bytes(bucket)) => match fields(bucket)?.as_slice() {
                [(1, Field::Varint(count)), (2, Field::Fixed64(bound))] => {
                    let bound = f64::from_le_bytes(*bound);
                    let le = if bound.is_infinite() { "+Inf".into() } else { format!("{bound:?}") };
                    #[expect(clippy::cast_precision_loss, reason = "no test counts to 2^53")]
                    samples.push(sample("_bucket", Some(le), *count as f64));
                }
                _ => return Err("a bucket is a count and a bound".into()),
            },
            (number, _) => return Err(format!("field {number} of a histogram")),
        }
    }
    for (suffix, total) in ["_sum", "_count"].into_iter().zip(totals) {
        samples.push(sample(suffix, None, total.ok_or("a histogram without its totals")?));
    }
    Ok(samples)
}

fn only_double(message: &[u8]) -> Result<f64, String> {
    match fields(message)?.as_slice() {
        [(1, Field::Fixed64(bytes))] => Ok(f64::from_le_bytes(*bytes)),
        _ => Err("a value is one double".into()),
    }
}

fn fields(mut message: &[u8]) -> Result<Vec<(u64, Field<'_>)>, String> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut message)?),
            1 => {
                let (bytes, rest) = message.split_first_chunk().ok_or("a double is cut off")?;
                message = rest;
                Field::Fixed64(*bytes)
            }
            2 => Field::Bytes(delimited(&mut message)?),
            other => return Err(format!("wire type {other}")),
        };
        fields.push((key >> 3, field));
    }
    Ok(fields)
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = usize::try_from(varint(bytes)?).map_err(|e| e.to_string())?;
    let (message, rest) = bytes.split_at_checked(length).ok_or("a message is cut off")?;
    *bytes = rest;
    Ok(message)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("a number is cut off")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number of more than ten bytes".into())
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|e| e.to_string())
}
