"""Whether a name says that its value is a credential: fields, variables, flags, headers, labels.

A name is split into words, ``dbPassword`` and ``DB_PASSWORD`` alike. The last word decides what a
value is (``secretName`` is a name, ``tokenExpirationSeconds`` a number), the words before it which
(``apiKey`` is a credential, ``topologyKey`` is none).
"""

import enum
import functools
import re

from aicr_pytest.evidence.redaction.known_tokens import is_random


class Sensitivity(enum.Enum):
    """What a name says of its value."""

    NONE = 0
    """Nothing."""
    RANDOM = 1
    """It is a credential if it is long and in no order of words."""
    SHAPED = 2
    """It is a credential if it looks like one."""
    CERTAIN = 3
    """It is a credential, whatever it looks like."""


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CREDENTIALS = _words(
    "password passwords passwd pwd passphrase passphrases passcode pw psw secret token"
    " jwt credential"
    " credentials cred creds apikey apikeys authorization cookie cookies bearer pin dsn"
    " sas sig otp totp"
    " kubeconfig dockerconfigjson dockerconfig dockercfg htpasswd netrc pat pgpass"
    " session sessionid"
    " sessid phpsessid jsessionid privatekey keytab mnemonic csrf xsrf connstr"
    " connectionstring auth"
    " cabundle authkey accesskey secretkey accountkey sharedkey masterkey signingkey"
    " pass psk passkey"
    " crumb authtoken passwort kennwort contrasena secretstring secretbinary hmac"
)
_DOUBTFUL = _words(
    "secrets tokens license licence webhook signature nonce salt sid seed keystore auths assertion"
    " verifier unseal community"
)
# Glued to what stands before them: pgpassword, usertoken, rootpw.
_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "credentials",
    "credential",
    "pwd",
    "secretkey",
    "accesskey",
    "privatekey",
    "authkey",
    "connectionstring",
    "dockerconfigjson",
    "storepass",
    "keypass",
    "dbpass",
    "userpass",
    "cookie",
    "jwt",
    "authtok",
)
_KEYS = _words(
    "api access secret private account signing sign encryption encrypt decryption"
    " shared master storage"
    " license licence service subscription function functions deploy ssh auth client application"
    " ingest ingestion instrumentation integration admin root session hmac aes rsa ec"
    " dsa tls ssl cipher"
    " crypto write webhook registration jwt token consumer server product activation personal"
    " developer cookie wrapping unseal recovery preshared psk ca peer host gpg pgp wg"
    " wireguard data"
    " authentication authorization bot publishable restricted sas kek dek kms vapid pairing join"
    " app enc provisioning management query speech search cognitive ocp apim functions rest"
)
# What a value is in spite of the words before it.
_PLAIN_LAST = _words(
    "name names ref refs type types path paths file files dir directory mount mounts seconds second"
    " secs ms minutes hours days duration expiration expiry expires expired ttl timeout"
    " count counts"
    " counter limit limits size length len version versions enabled disabled enable"
    " disable policy policies"
    " rate rates endpoint issuer audience audiences algorithm alg algorithms provider"
    " providers mode"
    " class namespace namespaces generation generator age format status state states"
    " required requires"
    " review reviews requests rotation rotate kind method methods scope scopes plugin module server"
    " service host port user users username usernames manager controller driver store stores keeper"
    " reader binding bindings role roles rules digest fingerprint thumbprint selector"
    " selectors mapping"
    " usage total throughput in out created at time timestamp date exists present set valid invalid"
    " error errors failure failures bytes max min budget budgets window index position"
    " backend backends"
    " source sources spec template templates field fields label labels annotation annotations"
    " group groups volume volumes list lists options option strength complexity level"
    " lifetime interval"
    " period param params config configs url uri urls id ids parallelism expirations"
    " affinity replicas"
    " ratio percent latency cache buckets bucket sum quantile le info desc description domain"
    " region zone length provisioner operator controllers syncer csi agent scheme"
    " location prompt stdin"
    " hash projection admission transport family suite suites algo verification verify check checks"
)
_NOISE = _words(
    "value val text plain base64 b64 encoded raw old new current prod production dev staging stage"
    " test default env hex data string literal override json header headers"
)
# "max_tokens" and "eos_token" are about language models.
_MODEL = _words(
    "max min num number total count per avg mean prompt completion generation generated"
    " input output"
    " cached context special pad padding eos bos stop unk sep cls mask vocab image audio text"
    " reasoning draft accepted batched new next first last best end start think"
    " thinking tool decode"
    " prefill forward n seq model"
)
_PLAIN_KEYS = _words(
    "topology toleration label labels match public sort cache partition primary foreign group"
    " idempotency map metric annotation taint node field dict hash index object config row column"
    " registry any option settings feature unique natural composite lookup join shard"
    " range job queue batch"
)
_TOGETHER: tuple[tuple[str, ...], ...] = (
    ("connection", "string"),
    ("conn", "string"),
    ("conn", "str"),
    ("secret", "id"),
    ("private", "key", "id"),
    ("access", "key", "id"),
    ("webhook", "url"),
    ("webhook", "uri"),
    ("hook", "url"),
    ("id", "rsa"),
    ("id", "dsa"),
    ("id", "ecdsa"),
    ("id", "ed"),
    ("client", "key", "data"),
    ("client", "certificate", "data"),
    ("certificate", "authority", "data"),
    ("ca", "bundle"),
    ("password", "hash"),
    ("password", "digest"),
    ("passwd", "hash"),
    ("redact", "pattern"),  # our own: it may spell out what must not be published
    ("private", "key"),
    ("auth", "header"),
    ("session", "id"),
    ("identity", "token"),
    ("set", "cookie"),
    ("storage", "key"),
    ("key", "material"),
    ("seed", "phrase"),
    ("recovery", "phrase"),
    ("recovery", "code"),
    ("backup", "code"),
    ("device", "code"),
)
_OWN_DIRECTORY = ("pwd", "oldpwd")


@functools.lru_cache(maxsize=16384)
def sensitivity(name: str) -> Sensitivity:
    """What the name of a field, variable, flag, header or label says of its value."""
    words = [word.lower() for word in _WORD.findall(name.rpartition("/")[2])]
    if not words or name in ("PWD", "OLDPWD"):
        return Sensitivity.NONE
    if _says_together(words):
        return Sensitivity.CERTAIN
    while len(words) > 1 and (words[-1] in _NOISE or words[-1].isdigit()):
        words.pop()
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _PLAIN_LAST and len(words) > 1:
        return Sensitivity.NONE
    if last in ("token", "tokens") and before in _MODEL:
        return Sensitivity.NONE
    if last in ("key", "keys"):
        return _of_key(last, before, words)
    if last in _CREDENTIALS or _glued(last):
        return Sensitivity.CERTAIN
    if last in ("login", "code", "k", "encrypt"):
        return Sensitivity.RANDOM
    if last in _DOUBTFUL or any(word in _CREDENTIALS or _glued(word) for word in words):
        return Sensitivity.SHAPED
    return Sensitivity.NONE


def _of_key(last: str, before: str, words: list[str]) -> Sensitivity:
    if before in _KEYS or before in _CREDENTIALS or _glued(before):
        return Sensitivity.CERTAIN if last == "key" else Sensitivity.SHAPED
    if not before:
        return Sensitivity.RANDOM
    if before in _PLAIN_KEYS:
        return Sensitivity.NONE
    return Sensitivity.SHAPED


def _glued(word: str) -> bool:
    return len(word) > 4 and word.endswith(_ENDINGS)


def _says_together(words: list[str]) -> bool:
    return any(
        tuple(words[start : start + len(several)]) == several
        and len(words) - start - len(several) <= 1
        and (words[start + len(several) :] or ["value"])[0] not in _PLAIN_LAST - {"data"}
        for several in _TOGETHER
        for start in range(len(words) - len(several) + 1)
    )


# -- values ------------------------------------------------------------------------------------

_NO_VALUE = re.compile(
    r"""(?ix)
    true|false|yes|no|on|off|null|none|nil|undefined|empty|unset|enabled|disabled|required|optional
    |default|anonymous|any|all|never|always|auto|unknown|missing|invalid|expired|n/a
    |<[^<>]{0,64}>?|<set\ to\ the\ key.*|\*{2,}|x{3,}|\.{2,}|-+|\(null\)
    |\$\{[^{}]{0,80}\}|\$\([^()]{0,80}\)|\$[A-Z_][A-Z0-9_]*|\{\{.{0,80}\}\}|%\([a-z_]+\)s|%s|\{[a-z_]*\}
    """
)
_SCHEME_WORD = re.compile(
    r"(?i)basic|bearer|token|oidc|oauth2?|password|m?tls|kerberos|ldap|saml|iam|rbac|webhook|secrets?"
    r"|negotiate|ntlm|digest|x509|certificate|jwt|serviceaccount|cookie|header|query|map|string|str"
    r"|bytes|object|dict|list|array|int|bool|opaque|success|failed|ok"
    r"|sha-?[0-9]{1,3}|md5|ed25519|x25519|rsa-?[0-9]{0,4}|ecdsa"
    r"|[hrep]s(?:256|384|512)|aes-?[0-9]{3}\S{0,4}"
)
_PLAIN_VALUE = re.compile(
    r"""(?x)
    [-+]?[0-9][0-9.,_]*(?:[eE][-+]?[0-9]+)?(?:[a-zA-Z%]{1,5})?      # a number, perhaps with a unit
    |/[^\s:]*                                                        # a path
    |v?[0-9]+(?:\.[0-9]+)+(?:[-+][0-9A-Za-z.]+)?                     # a version
    |[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?                           # a date
    |(?:Apache|MIT|BSD|[AL]?GPL|MPL|ISC|CC|EPL|NVIDIA)\b[A-Za-z0-9. ()+-]*  # a licence
    |[a-z0-9]+(?:[-.][a-z0-9]+)*(?:\.[a-z]{2,})/[A-Za-z0-9._-]+      # a qualified name
    """
)
_PATH = re.compile(r"(?:~|\.{1,2})?/[^\s:]*|FILE,?")
_CLEARLY_WORDS = re.compile(r"[A-Z]?[a-z]{0,14}(?:[-_./: ][A-Za-z]{1,14})*[.!]?|[A-Z_]{1,24}")
_LONG_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{32,128}")
_SMALL_NUMBER = re.compile(r"[0-9.]{1,6}")
_SENTENCE = re.compile(
    r"[A-Za-z][a-z'-]{0,24}(?: [A-Za-z'.,()/-]{1,40}){2,}[.!]?"
    r"|[0-9]{1,6}(?: [A-Za-z0-9,.]{1,24}){1,8}"
)
_TELLS_STATE = re.compile(
    r"(?i)(?:not|no|password)(?: [a-z]{2,20}){1,5}[.!]?|[0-9]{1,6} [a-z]{1,8}[:=] .*"
)
_CHANGE = re.compile(r"[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])|[a-z](?=[A-Z])")


def is_placeholder(value: str) -> bool:
    """Whether a value stands where a credential could, and is none: empty, a switch, a reference.

    What was taken out already counts too.
    """
    value = value.strip().strip("\"'\\")
    if not value or "[redacted" in value[:16]:
        return True
    if len(value) > 12 and value[0].isalnum():
        return False  # no need to look: every word of the list is shorter
    return _NO_VALUE.fullmatch(value) is not None


def looks_secret(value: str) -> bool:
    """Whether a value has the look of a credential: no number, path, version or plain words."""
    value = value.strip().strip("\"'\\")
    if len(value) < 6 or is_placeholder(value) or _SCHEME_WORD.fullmatch(value):
        return False
    if _PLAIN_VALUE.fullmatch(value) or _CLEARLY_WORDS.fullmatch(value):
        return False
    if " " in value[:64] and not value.startswith(("ssh-", "-----")):
        return False
    has_digit = any(letter.isdigit() for letter in value[:64])
    has_mixed = len(re.findall(r"[a-z][A-Z]", value[:64])) >= 2
    has_odd = any(not letter.isalnum() and letter not in "-_./:" for letter in value[:64])
    return has_digit or has_mixed or has_odd or len(value) >= 16


def is_dense(value: str) -> bool:
    """Whether letters and digits are mixed as in no name, version or number of things."""
    piece = value[:128]
    if not any(letter.isdigit() for letter in piece) or sum(map(piece.count, "-_./")) > 1:
        return False
    return len(_CHANGE.findall(piece)) >= max(3, 0.15 * len(piece))


_AFTER_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|negotiate|digest|apikey|ntlm)[ \t]+(\S+)")


def is_credential(name: str, value: str, *, doubtful: bool = False) -> bool:
    """Whether a value is a credential, as far as its name and its look tell.

    Args:
        name: of the value.
        value: as text.
        doubtful: the value stands in a sentence, where ``token: expired`` is no credential.
    """
    if len(value) <= _REMEMBERED:
        return _often_asked(name, value, doubtful)
    return _is_credential(name, value, doubtful)


def _is_credential(name: str, value: str, doubtful: bool) -> bool:
    sure = sensitivity(name)
    if sure is Sensitivity.NONE or is_placeholder(value):
        return False
    if sure is Sensitivity.RANDOM:
        return _LONG_HEX.fullmatch(value) is not None or (len(value) >= 20 and is_random(value))
    if " " in value and _TELLS_STATE.fullmatch(value.strip()):
        return False
    if sure is Sensitivity.SHAPED:
        return looks_secret(value)
    if len(value) < 20 and _SCHEME_WORD.fullmatch(value.strip().strip("\"'\\")):
        return False
    if " " in value and (scheme := _AFTER_SCHEME.match(value.lstrip("\"'\\"))):
        return looks_secret(scheme[1])
    lowered = name.lower()
    if lowered in _OWN_DIRECTORY and value.startswith("/"):
        return False
    if lowered.endswith("kubeconfig") and _PATH.fullmatch(value):
        return False
    if lowered.endswith(("authorization", "cookie")):
        return not doubtful or looks_secret(value.replace(" ", ""))
    if "pass" in lowered or "pin" in lowered or "pwd" in lowered:
        if lowered == "pass" and value.isdigit():  # "pass=3 fail=0"
            return False
        return not (doubtful and _CLEARLY_WORDS.fullmatch(value) and len(value) < 12)
    if (doubtful and not looks_secret(value)) or (" " in value and _SENTENCE.fullmatch(value)):
        return False
    return len(value) > 6 or not _SMALL_NUMBER.fullmatch(value)


_REMEMBERED = 64
"""Characters of values whose answer is kept: logs say the same again and again."""
_often_asked = functools.lru_cache(maxsize=4096)(_is_credential)
