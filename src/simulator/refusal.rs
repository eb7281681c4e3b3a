use http::{StatusCode, header};

use super::{answer::Answer, fault::Fault, requests::Kind};

/// What a fault says instead of an answer.
pub(super) fn refusal(fault: Fault, value: u64, kind: Kind) -> Option<Answer> {
    Some(match fault {
        Fault::Throttle => Answer::gateway_error(
            StatusCode::TOO_MANY_REQUESTS,
            "APIGW.0308",
            "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute",
        )
        .with(header::RETRY_AFTER, &value.to_string()),
        Fault::ServerError => Answer::gateway_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ModelArts.2950",
            "Unknown error.",
        ),
        Fault::Html => Answer::raw(
            StatusCode::BAD_GATEWAY,
            "text/html",
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
             <body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n",
        ),
        Fault::Rejected => {
            Answer::service_error(StatusCode::OK, "ModelArts.0105", "The request was rejected.")
        }
        Fault::Retired => Answer::unpublished(),
        Fault::Unauthorized if kind == Kind::Token => Answer::keystone_error(
            StatusCode::UNAUTHORIZED,
            "The request you have made requires authentication.",
        ),
        Fault::Forbidden if kind == Kind::Token => Answer::keystone_error(
            StatusCode::FORBIDDEN,
            "You are not authorized to perform the requested action.",
        ),
        Fault::Unauthorized | Fault::ExpiredToken => {
            Answer::bad_token("decrypt token fail")
        }
        Fault::Forbidden => Answer::service_error(
            StatusCode::FORBIDDEN,
            "ModelArts.0108",
            "The user is not authorized to perform the operation.",
        ),
        _ => return None,
    })
}
