"""Redis's own errors, in transactions and clusters too."""

from __future__ import annotations

import random

import pytest

from chaostui.actions import Close, Reply, Send
from chaostui.protocol import Frame
from chaostui.protocols.redis import Redis, slot

OK = b"+OK\r\n"
QUEUED = b"+QUEUED\r\n"


def command(*words: bytes) -> bytes:
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


SET = command(b"SET", b"user:1", b"\r\n*3\r\n")
GET = command(b"get", b"user:1")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("loading", b"LOADING Redis is loading the dataset in memory"),
        (
            "busy",
            b"BUSY Redis is busy running a script."
            b" You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        ),
        ("oom", b"OOM command not allowed when used memory > 'maxmemory'."),
        ("readonly", b"READONLY You can't write against a read only replica."),
        (
            "masterdown",
            b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ),
        ("noauth", b"NOAUTH Authentication required."),
        ("moved", b"MOVED 12182 db:6379"),
        ("ask", b"ASK 12182 db:6379"),
    ],
)
def test_errors_are_those_of_the_real_server(kind: str, words: bytes) -> None:
    """The bytes are what Redis itself sends."""
    redis = Redis("db:6379")
    redis.request(command(b"SET", b"foo", b"1"))

    assert redis.error(kind) == (Reply(b"-" + words + b"\r\n"),)


def test_every_error_is_a_whole_reply() -> None:
    """What the errors say is cut as one reply by the framer itself."""
    for kind in Redis.kinds:
        redis = Redis()
        redis.request(GET)
        reply = redis.error(kind.name)[0]
        assert isinstance(reply, Reply)
        assert redis.reply(reply.data) == [Frame(reply.data)]


def test_too_many_clients_are_refused_at_the_door() -> None:
    """The refusal comes before any request, then the end; other errors wait for a request."""
    refusal = (Reply(b"-ERR max number of clients reached\r\n"), Close())

    assert Redis().error("max_clients", "open") == refusal
    assert Redis().error("max_clients") == refusal
    assert Redis().error("loading", "open") == ()


def test_an_error_without_a_kind_is_a_usual_one() -> None:
    """A server that restarts or is overloaded says these; at the door, only one of them."""
    redis = Redis(dice=random.Random(1))
    redis.request(GET)
    said = {redis.error() for _ in range(100)}
    refused = {redis.error("", "open") for _ in range(100)}

    assert said == {redis.error(kind) for kind in ("loading", "busy", "oom")}
    assert refused == {(), redis.error("max_clients")}


def test_an_unknown_error_is_refused() -> None:
    """A kind that does not exist is named in the exception."""
    with pytest.raises(ValueError, match="redis has no error named '503'"):
        Redis().error("503")


def test_an_error_in_a_transaction_spoils_it_on_the_server() -> None:
    """The server gets a bad command, so that its own EXEC fails as after a real error."""
    redis = Redis()
    _, bad, _, execute = redis.request(command(b"MULTI") + SET + GET + command(b"EXEC"))
    (action,) = redis.error("oom", request=bad.request)
    unknown = b"-ERR unknown command 'CHAOSTUI', with args beginning with: \r\n"
    aborted = b"-EXECABORT Transaction discarded because of previous errors.\r\n"

    assert execute.request is not None
    assert action == Send(b"*1\r\n$8\r\nCHAOSTUI\r\n")
    assert [frame.data for frame in redis.reply(OK + unknown + QUEUED + aborted)] == [
        OK,
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        QUEUED,
        aborted,
    ]


def test_an_error_to_exec_discards_the_transaction() -> None:
    """The server leaves MULTI too; the client reads what Redis says when EXEC itself fails."""
    redis = Redis()
    redis.request(command(b"MULTI") + command(b"EXEC"))

    assert redis.error("loading") == (Send(b"*1\r\n$7\r\nDISCARD\r\n"),)
    assert [frame.data for frame in redis.reply(OK + OK)] == [
        OK,
        b"-EXECABORT Transaction discarded because of:"
        b" LOADING Redis is loading the dataset in memory\r\n",
    ]


def test_a_transaction_always_begins() -> None:
    """Redis grants MULTI and DISCARD in any trouble, so these two pass as they are."""
    for word in (b"MULTI", b"DISCARD"):
        redis = Redis()
        redis.request(command(word))
        assert redis.error("oom") == (Send(command(word)),)
        assert len(redis.waiting) == 1


def test_after_a_transaction_errors_are_made_here_again() -> None:
    """EXEC, DISCARD and RESET end what MULTI began; CLIENT inside it is queued like others."""
    for end in (b"EXEC", b"DISCARD", b"RESET"):
        redis = Redis()
        redis.request(command(b"MULTI") + command(b"CLIENT", b"ID"))
        assert isinstance(redis.error("oom")[0], Send)
        redis.request(command(end) + GET)
        assert isinstance(redis.error("oom")[0], Reply)


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ([b"GET", b"k"], "oom", "busy"),
        ([b"MGET", b"k"], "noreplicas", "busy"),
        ([b"ZRANGE", b"k"], "misconf", "busy"),
        ([b"HGETALL", b"k"], "readonly", "masterdown"),
        ([b"PING"], "readonly", "masterdown"),
        ([b"PING"], "moved", "err"),
        ([b"SUBSCRIBE", b"c"], "ask", "err"),
        ([b"INFO"], "clusterdown", "err"),
        ([b"PING"], "misconf", "misconf"),
        ([b"PUBLISH", b"c", b"1"], "readonly", "masterdown"),
        ([b"FLUSHALL"], "readonly", "readonly"),
        ([b"FLUSHALL"], "oom", "busy"),
        ([b"DEL", b"k"], "oom", "busy"),
        ([b"INCR", b"k"], "oom", "oom"),
        ([b"GET", b"k"], "moved", "moved"),
        ([b"MODULE.WRITES", b"k"], "oom", "oom"),
    ],
)
def test_a_kind_is_said_where_redis_says_it(asked: list[bytes], kind: str, said: str) -> None:
    """Reads are no matter of memory, nor commands without a key one of slots."""
    redis = Redis("db:6379")
    redis.request(command(*asked))
    [reply] = redis.error(kind)

    assert isinstance(reply, Reply)
    assert reply.what == (kind if said == kind else f"{said} for {kind}")
    assert reply.data.split()[0].lower().removeprefix(b"-") == said.encode()


@pytest.mark.parametrize(
    "words", [[b"RESET"], [b"QUIT"], *([b"CLIENT", b"REPLY", b] for b in (b"ON", b"OFF", b"SKIP"))]
)
def test_what_redis_grants_in_any_trouble_passes(words: list[bytes]) -> None:
    """Refused here, client and server would disagree on who speaks."""
    redis = Redis()
    [frame] = redis.request(command(*words))

    assert redis.error("loading", request=frame.request) == (Send(command(*words)),)


@pytest.mark.parametrize("before", [[b"ASKING"], [b"CLIENT", b"CACHING", b"YES"]])
def test_what_was_said_of_a_command_goes_with_it(before: list[bytes]) -> None:
    """ASKING is about the next command: the server is asked something, so that it is used up."""
    redis = Redis()
    *_, hit, after = redis.request(command(*before) + GET + GET)
    unknown = b"-ERR unknown command 'CHAOSTUI', with args beginning with: \r\n"

    assert redis.error("tryagain", request=hit.request) == (Send(b"*1\r\n$8\r\nCHAOSTUI\r\n"),)
    assert redis.promised
    _, reply = redis.reply(OK + unknown)
    assert reply.data.startswith(b"-TRYAGAIN ")
    assert not redis.promised
    assert isinstance(redis.error("tryagain", request=after.request)[0], Reply)


def test_an_error_to_a_command_whose_reply_is_skipped_is_skipped() -> None:
    """The server skips the reply to what it is asked instead, and the next one comes."""
    redis = Redis()
    _, hit, get = redis.request(command(b"CLIENT", b"REPLY", b"SKIP") + SET + GET)
    assert (hit.reply, get.reply) == (False, True)

    assert redis.error("oom", request=hit.request) == (Send(b"*1\r\n$8\r\nCHAOSTUI\r\n"),)
    assert not redis.promised
    [reply] = redis.reply(b"$-1\r\n")
    assert (reply.data, reply.last) == (b"$-1\r\n", True)


def test_a_transaction_without_replies_is_spoiled_without_one() -> None:
    """CLIENT REPLY OFF: nothing waits for what would take a reply's place."""
    redis = Redis()
    redis.request(command(b"CLIENT", b"REPLY", b"OFF"))
    _, hit, execute = redis.request(command(b"MULTI") + SET + command(b"EXEC"))

    assert redis.error("oom", request=hit.request) == (Send(b"*1\r\n$8\r\nCHAOSTUI\r\n"),)
    assert redis.error("oom", request=execute.request) == (Send(b"*1\r\n$7\r\nDISCARD\r\n"),)
    assert not redis.promised


def test_after_reset_a_connection_is_no_subscriber() -> None:
    """An array that looks like a delivery is a reply again."""
    redis = Redis()
    redis.request(command(b"SUBSCRIBE", b"c"))
    redis.reply(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
    redis.request(command(b"RESET") + command(b"LRANGE", b"l", b"0", b"1"))
    redis.reply(b"+RESET\r\n")
    [reply] = redis.reply(b"*1\r\n$7\r\nmessage\r\n")

    assert reply.last


@pytest.mark.parametrize(
    ("key", "number"), [("foo", 12182), ("{user1000}.following", 3443), ("{}a", slot("{}a"))]
)
def test_slots_are_those_of_the_cluster(key: str, number: int) -> None:
    """CLUSTER KEYSLOT gives the same numbers; only a hash tag with content counts."""
    assert slot(key) == number
    assert slot("a{b}c") == slot("b") != slot("a{}c")
