from shop_gateway.headers import forwarded, inbound, outbound


def test_identity_and_hop_headers_from_outside_are_dropped() -> None:
    sent = [
        (b"X-User-Id", b"admin"),
        (b"x-auth-roles", b"admin"),
        (b"X-Forwarded-For", b"10.0.0.1"),
        (b"Forwarded", b"for=10.0.0.1"),
        (b"X-Request-Timeout-Ms", b"999999"),
        (b"Connection", b"keep-alive, X-Secret"),
        (b"X-Secret", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Host", b"shop"),
        (b"Authorization", b"Bearer t"),
        (b"If-Match", b'"1"'),
    ]
    assert inbound(sent) == [(b"authorization", b"Bearer t"), (b"if-match", b'"1"')]


def test_an_answer_keeps_all_but_its_connection_headers() -> None:
    answered = [(b"ETag", b'"1"'), (b"Transfer-Encoding", b"chunked"), (b"Set-Cookie", b"a=b")]
    assert outbound(answered) == [(b"etag", b'"1"'), (b"set-cookie", b"a=b")]


def test_where_a_request_came_from_is_said_anew_or_added_to_what_is_trusted() -> None:
    plain = forwarded(client="9.9.9.9", scheme="http", host=b"shop", before={})
    assert plain[0] == (b"x-forwarded-for", b"9.9.9.9")
    behind = forwarded(
        client="10.0.0.1", scheme="http", host=b"shop", before={b"x-forwarded-for": b"9.9.9.9"}
    )
    assert behind[0] == (b"x-forwarded-for", b"9.9.9.9, 10.0.0.1")
