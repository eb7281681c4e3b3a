use http::{StatusCode, header};

use super::{answer::Answer, fault::Fault, metadata, requests::Kind, rules::Asked};

/// What a fault says instead of an answer, in the words of whoever is asked.
pub(super) fn refusal(fault: Fault, value: u64, asked: Asked, signed: bool) -> Option<Answer> {
    Some(match (fault, asked.kind) {
        (Fault::Throttle, _) => Answer::gateway_error(
            StatusCode::TOO_MANY_REQUESTS,
            "APIGW.0308",
            "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute",
        )
        .with(header::RETRY_AFTER, &value.to_string()),
        (Fault::ServerError, Kind::Token) => Answer::keystone_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "An unexpected error prevented the server from fulfilling your request.",
        ),
        (Fault::ServerError, _) => Answer::gateway_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ModelArts.2950",
            "Unknown error.",
        ),
        (Fault::Html, _) => Answer::raw(
            StatusCode::BAD_GATEWAY,
            "text/html",
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
             <body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n",
        ),
        (Fault::Rejected, _) => {
            Answer::service_error(StatusCode::OK, "ModelArts.0105", "The request was rejected.")
        }
        (Fault::Retired, _) => Answer::unpublished(),
        (Fault::Unauthorized, Kind::Metadata) => metadata::no_agency(),
        (Fault::ExpiredToken, Kind::Metadata) => metadata::session_ended(),
        (Fault::Unauthorized, _) if signed => {
            Answer::bad_credentials("verify aksk signature fail")
        }
        (Fault::ExpiredToken, _) if signed => {
            Answer::bad_credentials("calc ak sk signature fail:signature expired")
        }
        (Fault::Unauthorized | Fault::ExpiredToken, Kind::Token) => Answer::keystone_error(
            StatusCode::UNAUTHORIZED,
            "The request you have made requires authentication.",
        ),
        (Fault::Unauthorized | Fault::ExpiredToken, _) => {
            Answer::bad_credentials("decrypt token fail")
        }
        (Fault::Forbidden, Kind::Token | Kind::Metadata) => Answer::keystone_error(
            StatusCode::FORBIDDEN,
            "You are not authorized to perform the requested action.",
        ),
        (Fault::Forbidden, _) => asked.api.error(
            StatusCode::FORBIDDEN,
            "ModelArts.0108",
            "The user is not authorized to perform the operation.",
        ),
        _ => return None,
    })
}
