"""Credentials that are known by where they stand: in a command, a URL, a sentence."""

import re

from aicr_pytest.evidence.redaction.sensitive_names import is_placeholder, looks_secret

MARK = "[redacted]"

_GAP = r"(?:[ \t]{1,8}|[ \t]{0,4}=|[\"'\\]{1,4},\s{0,16}[\"'\\]{1,4})[\"'\\]{0,4}"
"""Between a short flag and its value, also in a list of arguments."""
_WORD = r"[^\s\"'\\,|]{1,1024}"
_LINE = r"[^\n|;&]{0,200}?"
_QUOTES = r"(?:[\"'`\\(]|&quot;|&\#34;|&\#x27;|&\#39;){0,4}"

_FORMS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    # Pieces, one of which every match holds, and the form; group "v" is what goes.
    (
        ("-u", "user", "-basic-auth"),
        re.compile(
            rf"(?<=[\s\"'])(?:-u|-U|--user|--proxy-user|--basic-auth|--http-user)(?:{_GAP}|(?<=-[uU]))"
            rf"(?P<v>(?!\$)(?![0-9]{{1,6}}:[0-9]{{1,6}}\b)[^\s\"'\\:,]{{0,128}}[:%,](?!//)[^\s\"'\\]{{1,512}})"
        ),
    ),
    (
        ("mysql", "mariadb"),
        re.compile(rf"(?:mysql|mariadb)[a-z]{{0,8}}\b{_LINE}[\s\"']-p(?P<v>[^\s\"'\\]{{1,512}})"),
    ),
    (
        ("sshpass", "login", "mongo", "zip", "7z", "ipmitool"),
        re.compile(
            rf"(?:sshpass|ipmitool|(?<!az )login|mongo[a-z]{{0,10}}|\bzip|unzip"
            rf"|7z[a-z]?)\b{_LINE}[\s\"']-(?:p|P|-pass)"
            rf"(?:{_GAP}|(?<=-[pP]))(?P<v>(?!-){_WORD})"
        ),
    ),
    (
        ("redis-cli", "valkey-cli"),
        re.compile(rf"(?:redis|valkey)-cli\b{_LINE}[\s\"']-a{_GAP}(?P<v>{_WORD})"),
    ),
    (("ldap",), re.compile(rf"\bldap[a-z]{{3,10}}\b{_LINE}[\s\"']-w{_GAP}(?P<v>{_WORD})")),
    (("smbclient",), re.compile(rf"smbclient\b{_LINE}%(?P<v>{_WORD})")),
    (
        ("htpasswd",),
        re.compile(
            rf"htpasswd\b[^\n]{{0,80}}?-[A-Za-z]{{0,6}}b[A-Za-z]{{0,6}} (?:\S{{1,128}}"
            rf" ){{1,2}}(?P<v>{_WORD})"
        ),
    ),
    (("pass:",), re.compile(rf"(?<![A-Za-z0-9])pass:(?P<v>{_WORD})")),
    (
        ("login", "auth", "configure", "config set"),
        re.compile(
            rf"\b(?:wandb login|vault login|huggingface-cli login|hf auth login|snyk"
            rf" auth|netlify login"
            rf"|ngrok (?:config add-)?authtoken|ngrok config add-authtoken|add-authtoken"
            rf"|aws configure set \S{{0,40}}(?:secret|token|key)\S{{0,24}}"
            rf"|(?:npm|yarn|pip|helm|gcloud|git|kubectl) config set \S{{0,80}}(?:secret"
            rf"|token|key|password|_auth)\S{{0,24}})"
            rf"(?: --?[a-z-]{{1,24}}(?:=\S{{1,80}})?){{0,4}} [\"']?(?P<v>(?!-){_WORD})"
        ),
    ),
    (
        ("echo ", "printf "),
        re.compile(
            rf"\b(?:echo|printf)(?: -[a-z]{{1,3}})? [\"']?(?P<v>(?!\$){_WORD})[\"']?[ ]?\|[ ]?"
            rf"[^\n|]{{0,80}}?(?:login|passw|secret|chpasswd|--with-token|stdin)"
        ),
    ),
    (
        ("from-literal",),
        re.compile(rf"--from-literal(?:=|[ \t]{{1,4}})[\"']?[\w.-]{{1,253}}=(?P<v>{_WORD})"),
    ),
    (
        ("dentified",),
        re.compile(
            r"(?i)\bidentified (?:with \S{1,40} )?by (?=['\"&])"
            rf"{_QUOTES}(?P<v>[^'\"\n&]{{1,512}})"
        ),
    ),
    (
        ("bearer",),
        re.compile(r"(?i)\bbearer(?:[ \t]{1,8}|%20|\+|:[ \t]?)(?P<v>[A-Za-z0-9._~+/%=-]{8,}+)"),
    ),
    (("basic ",), re.compile(r"(?i)\bbasic[ \t]{1,8}(?P<v>[A-Za-z0-9+/]{8,}+={0,2})")),
    (
        ("negotiate ", "ntlm "),
        re.compile(r"(?i)\b(?:negotiate|ntlm)[ \t]{1,8}(?P<v>[A-Za-z0-9+/]{12,}+={0,2})"),
    ),
    (
        (
            " is ",
            " was ",
            " are ",
            " to ",
            " as ",
            " now ",
            " equals ",
            " of ",
            "->",
            "→",
            " value ",
            " us",
        ),
        re.compile(
            r"(?i)\b(?:pass(?:word|phrase|code)|pin|(?:api|access|secret|private"
            r"|licen[cs]e|signing|account)[ -]?key"
            r"|secret|token|credentials?)s?(?:[ \t]{1,4}(?:is|was|are|of|as|to|equals"
            r"|set to|now|used|using|value)\b"
            r"(?:[ \t]{0,4}:)?|[ \t]?(?:->|→))"
            r"[ \t]{1,4}"
            rf"{_QUOTES}(?P<v>[^\s\"'`,;)&]{{4,512}})"
        ),
    ),
    (
        ("password ", "passphrase ", "psk "),
        re.compile(
            r"(?i)\b(?:pass(?:word|phrase)|psk)[ \t]{1,4}"
            rf"{_QUOTES}(?P<v>[^\s\"'`,;)&]{{4,512}})"
        ),
    ),
    (("response=",), re.compile(rf"\bresponse={_QUOTES}(?P<v>[0-9a-f]{{32,64}})\b")),
    (
        (" for ", " of "),
        re.compile(
            r"(?i)\b(?:password|passphrase|token|secret|key|credentials?)s? (?:for|of)"
            r"(?: [\w./@-]{1,64}){1,4}"
            r"(?::| is| was|=)[ ]{0,4}"
            rf"{_QUOTES}(?P<v>[^\s\"'`,;)<]{{6,512}})"
        ),
    ),
    (
        ("auth",),
        re.compile(
            rf"\bauth ?= ?\({_QUOTES}[^\"'\n]{{1,128}}[\"'\\]{{1,4}}, ?{_QUOTES}"
            rf"(?P<v>[^\"'\\\n]{{4,512}})"
        ),
    ),
    (("auth ",), re.compile(r"(?<![^\n\"'>])AUTH (?P<v>[^\s\"'<\\]{8,512})")),
    (
        ("admin", "root", "user"),
        re.compile(
            r"(?i)(?<![\w./@-])(?:admin|administrator|root|user)(?::| / )"
            r"(?P<v>[^\s\"'`,;)<&\\@/:]{8,512})"
        ),
    ),
    (
        ("@",),
        re.compile(
            r"(?<![\w./@:-])[A-Za-z][\w.-]{0,63}[:/](?P<v>[^\s@/\"':]{6,128})@(?!sha256)[A-Za-z0-9]"
        ),
    ),
    (
        ("mc ",),
        re.compile(
            r"\bmc (?:alias set|config host add) \S{1,128} \S{1,512} (?P<v>\S{3,128} \S{3,128})"
        ),
    ),
    (("is ",), re.compile(r"(?i)\b(?:password|passcode|pin|code) is:? (?P<v>[0-9]{6,10})\b")),
    (
        ("$ansible_vault",),
        re.compile(
            r"\$ANSIBLE_VAULT;[0-9A-Za-z.;_-]{1,40}(?P<v>(?:(?:\s|\\{1,15}n){1,8}[0-9a-f]{20,}+){1,1024})"
        ),
    ),
    (
        ("requirepass ", "masterauth "),
        re.compile(r"(?i)\b(?:requirepass|masterauth) (?P<v>\S{4,512})"),
    ),
    (("login ",), re.compile(r"\blogin \S{1,128}\s{1,8}password (?P<v>\S{1,512})")),
)

# -- URLs --------------------------------------------------------------------------------------

_URL = re.compile(r"(?<=://)(?:[^\s\"'<>`\\,]|,(?![a-z+]{2,12}://)){1,2048}")
_PORT = re.compile(r"[0-9]{1,5}")
_LOGIN_NAMES = ("git", "hg", "svn", "anonymous", "$", "{", "<", "[redacted")


def without_credentials_of_urls(text: str) -> str:
    """URLs without user and password; the user alone may be a token."""
    if "://" not in text or "@" not in text:
        return text
    return _URL.sub(_without_userinfo, text)


def _without_userinfo(url: re.Match[str]) -> str:
    rest = url[0]
    # What follows a comma or a bracket may be another URL.
    end = min((place for mark in ("?", "#") if (place := rest.find(mark)) >= 0), default=len(rest))
    host_end = rest.find("/")
    host_end = end if host_end < 0 else min(host_end, end)
    at = rest.rfind("@", 0, host_end)
    if at < 0:
        # A password may hold slashes and worse: then no port follows the first colon.
        _, colon, after = rest[:host_end].partition(":")
        odd = colon and not _PORT.fullmatch(after) and not rest.startswith("[")
        at = rest.rfind("@") if odd else -1
    if at <= 0 or rest.startswith(_LOGIN_NAMES):
        return rest
    return f"[redacted: credentials]{rest[at:]}"


def without_placed(text: str) -> str:
    """The text without credentials that are known by where they stand."""
    text = without_credentials_of_urls(text)
    lowered = text.lower()
    for hints, form in _FORMS:
        if any(hint in lowered for hint in hints):
            text = form.sub(_without_value, text)
    return text


_SURE = (
    "auth=",
    "auth =",
    "mc ",
    "password is",
    "pin is",
    "code is",
    "passcode is",
    "$ansible",
    "-",
    "pass:",
    "identified",
    "echo",
    "printf",
    "mysql",
    "mariadb",
    "sshpass",
    "redis",
    "ldap",
)


def _without_value(match: re.Match[str]) -> str:
    value = match["v"]
    sure = match[0].lstrip().lower().startswith(_SURE)
    if is_placeholder(value) or not (sure or looks_secret(value)):
        return match[0]
    start, end = match.start("v") - match.start(), match.end("v") - match.start()
    return f"{match[0][:start]}{MARK}{match[0][end:]}"
