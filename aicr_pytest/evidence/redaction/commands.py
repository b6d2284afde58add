"""Credentials that are known by where they stand: in a command, a URL, a sentence."""

import re

from aicr_pytest.evidence.redaction.alternatives import any_of
from aicr_pytest.evidence.redaction.sensitive_names import is_dense, is_placeholder, looks_secret

MARK = "[redacted]"

_GAP = (
    r"(?:[ \t]{1,8}|[ \t]{0,4}=|[\"'\\]{1,4},\s{0,16}[\"'\\]{1,4})"
    r"(?:[\"'\\]|&quot;|&\#(?:34|39|x27);){0,4}"
)
"""Between a short flag and its value, also in a list of arguments."""
_WORD = r"(?:[^\s\"'\\,|&]|&(?!quot;|\#)){1,1024}"
_DENSE = r"(?P<v>(?P<dense>[A-Za-z0-9+/_.=-]{10,512}+))"
"""What is a credential if it is in no order of words."""
_LINE = r"[^\n|;&]{0,200}?"
_QUOTES = r"(?:[\"'`\\(]|&quot;|&\#34;|&\#x27;|&\#39;){0,4}"


def _every_case(words: str) -> str:
    """Alternatives of plain letters: what begins with them is found fast, unlike with ``(?i)``."""
    return "|".join(case for word in words.split() for case in (word, word.title(), word.upper()))


_READERS = r"kinit|sudo -S|cryptsetup|smbpasswd|gpg|su -|openssl|wg|age|sops|vault|op"
"""Programs that read a credential from their input."""

_FLAGS_OF: tuple[tuple[str, str, str], ...] = (
    # Programs, the flags behind which they want a credential, and what stands between the two.
    (
        "mysql mysqladmin mysqldump mysqlsh mysqlimport mariadb mariadb-admin mariadb-dump",
        "p",
        "nothing",
    ),
    ("sshpass 7z 7za 7zr 7zz", "p", "anything"),
    ("login mongo mongosh mongodump mongorestore mongoimport", "p -pass", "anything"),
    ("zip unzip ipmitool sqlcmd bcp tsql mosquitto_pub mosquitto_sub knife", "P", "anything"),
    ("redis-cli valkey-cli keydb-cli redis-benchmark", "a -pass", "a space"),
    (
        "ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd ldapmodrdn kadmin",
        "w",
        "a space",
    ),
    ("useradd usermod cqlsh rabbitmqadmin", "p", "a space"),
    ("ssh-keygen", "N P", "a space"),
    ("snmpget snmpwalk snmpbulkwalk snmpset snmptrap snmpgetnext", "c A X", "a space"),
    ("openssl", "K k", "a space"),
    ("influx consul nomad", "t -token", "a space"),
    ("slappasswd", "s", "a space"),
)
_ALSO_A_WORD = ("login", "mongo", "influx", "consul", "nomad", "openssl")
"""Of these programs only what looks like a credential is one."""

_FORMS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    # Pieces, one of which every match holds, and the form; group "v" is what goes.
    (
        ("-u", "user", "-basic-auth"),
        re.compile(
            rf"(?<=[\s\"'])(?:-u|-U|--user|--proxy-user|--basic-auth|--http-user)(?:{_GAP}|(?<=-[uU]))"
            rf"(?P<v>(?!\$)(?![0-9]{{1,6}}:[0-9]{{1,6}}\b)[^\s\"'\\:,]{{0,128}}[:%,](?!//)[^\s\"'\\]{{1,512}})"
        ),
    ),
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
        (
            "db login",
            "lt login",
            "li login",
            "fy login",
            "auth login",
            "yk auth",
            "authtoken",
            "aws configure set",
            "config set",
        ),
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
            rf"\b(?:echo|printf)(?: -[a-z]{{1,3}})? {_QUOTES}(?P<v>(?!\$){_WORD})"
            rf"{_QUOTES}[ ]?\|[ ]?"
            rf"[^\n|]{{0,80}}?(?:login|passw|secret|--with-token|stdin|{_READERS})"
        ),
    ),
    (
        ("<<<",),
        re.compile(
            rf"\b(?:login|[a-z]{{0,4}}passwd|{_READERS})\b[^\n|]{{0,120}}?<<<[ ]?[\"']?"
            rf"(?P<v>(?!\$){_WORD})"
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
            r"(?i)(?<![A-Za-z])(?:pass(?:word|phrase|code)|pin|(?:api|access|secret|private"
            r"|licen[cs]e|signing|account)[ _-]?key"
            r"|secret|token|credentials?)s?(?:(?:[ \t]{1,4}(?:is|was|are|of|as|to|equals"
            r"|has been|set|reset|changed|now|used|using|value)\b){1,4}"
            r"(?:[ \t]{0,4}:)?|[ \t]?(?:->|→))"
            r"[ \t]{1,4}"
            rf"{_QUOTES}(?P<v>[^\s\"'`,;)&<]{{4,512}})"
        ),
    ),
    (
        ("password ", "passphrase ", "psk "),
        re.compile(
            r"(?i)\b(?:pass(?:word|phrase)|psk)[ \t]{1,4}"
            rf"{_QUOTES}(?P<v>(?!-)[^\s\"'`,;)&<]{{4,512}})"
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
        ("auth=(", "auth =(", "auth= (", "auth = ("),
        re.compile(
            rf"\bauth ?= ?\({_QUOTES}[^\"'\n]{{1,128}}?(?:[\"'\\]{{1,4}}|&\#?\w{{2,4}};)"
            rf", ?{_QUOTES}(?P<v>[^\"'\\\n&]{{4,512}})"
        ),
    ),
    (
        ("auth ",),
        re.compile(r"(?<![^\n\"'>: ])AUTH (?:PLAIN |LOGIN )?(?P<v>[^\s\"'<\\]{8,512})"),
    ),
    (("pass ", "login "), re.compile(rf"(?:PASS|LOGIN \S{{1,64}}) {_DENSE}")),
    # Of any program: "-p" with what can be no port, path or name.
    ((" -p ", " -w "), re.compile(rf" -[pPw] {_QUOTES}{_DENSE}")),
    (
        # A user and a password, known by the look of the latter.
        (":",),
        re.compile(
            r"(?<![\w./@:-])[a-z][\w.-]{1,31}:(?P<v>(?P<dense>(?=[^A-Z\s]{0,64}[A-Z])"
            r"(?=[^a-z\s]{0,64}[a-z])[A-Za-z0-9]{10,64}+))(?![\w:/.-])"
        ),
    ),
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
        # Lines of configuration whose value follows after a space.
        (
            "requirepass",
            "masterauth",
            "bindpw",
            "rootpw",
            "community",
            "auth-pass",
            "key-string",
            "auth_pass",
            " using ",
        ),
        re.compile(
            r"(?i)\b(?:requirepass|masterauth|(?:root)?bindpw|rootpw|community|key-string"
            r"|auth_pass|user \S{1,64} using|auth-pass \S{1,64})[ \t]{1,16}"
            r"(?P<v>[^\s\"'<\\]{4,512})"
        ),
    ),
    (
        # A table of names and values, and whoever leaves the sign out.
        ("token", "password", "passwd", "secret", "key"),
        re.compile(
            rf"(?:{_every_case('token password passwd secret key')})[ \t]{{1,40}}"
            rf"(?:[0-9] )?{_QUOTES}{_DENSE}"
        ),
    ),
    (
        # "Your new token:", and on the next line it stands.
        (":\n", ":\\n", ": \n", ":\r\n"),
        re.compile(
            rf":[ \t]?(?P<below>(?:\r?\n|\\{{1,15}}n)[ \t]{{0,16}}){{1,2}}{_DENSE}"
            r"(?=[ \t]{0,8}(?:[\r\n\\\"'<&]|$))"
        ),
    ),
    (("new value:",), re.compile(rf"(?i)new value:[ \t]{{0,8}}{_DENSE}")),
    (
        (" to authenticate", "/device"),
        re.compile(r"\bcode:? (?P<v>[A-Z0-9]{4,9}(?:-[A-Z0-9]{4})?)(?= to authenticate|\s)"),
    ),
    (
        ("phrase", "mnemonic", "seed"),
        re.compile(
            rf"(?:{_every_case('phrase mnemonic seed')})(?:[ _-]?words)?\W{{1,4}}"
            r"(?:is:?\s|&quot;|&#\w{2,3};)?\W{0,4}(?P<v>(?P<sure>(?:[a-z]{3,8} ){11,23}[a-z]{3,8}))"
        ),
    ),
    (
        # What a TLS library writes for a debugger: the second number is the secret.
        ("client_random", "secret"),
        re.compile(
            r"(?:CLIENT_RANDOM|_SECRET|_SECRET_[0-9N]) [0-9a-f]{64} (?P<v>[0-9a-f]{64,96})\b"
        ),
    ),
    (("private-",), re.compile(r"Private-(?:MAC|Hash): (?P<v>[0-9a-f]{40,64})")),
    (
        # .pgpass
        (":5432:", ":5433:", ":6432:", ":*:", ":3306:"),
        re.compile(
            r"(?<![\w./:-])[\w.*-]{1,253}:(?:[0-9]{4,5}|\*):[\w*-]{1,63}:[\w*-]{1,63}"
            r":(?P<v>[^\s\"'\\:<&]{4,512})"
        ),
    ),
    (
        ("jdbc:oracle",),
        re.compile(r"jdbc:oracle:[a-z0-9]{2,5}:[^\s/@]{1,64}/(?P<v>[^\s\"'@]{1,128})@"),
    ),
    (("login ",), re.compile(r"\blogin \S{1,128}\s{1,8}password (?P<v>\S{1,512})")),
)

_NEXT_ARGUMENT = r"(?:\r?\n|\\{1,15}n)[ \t]{0,64}- "
"""How YAML goes on with a list."""


def _flag(flags: str, between: str) -> re.Pattern[str]:
    gap = rf"(?:{_GAP}|[\"']{{0,2}}{_NEXT_ARGUMENT}[\"']{{0,2}})"
    between = {"nothing": "", "anything": f"{gap}?", "a space": gap}[between]
    return re.compile(
        rf"(?P<before>(?<=[\s\"'])-(?:{'|'.join(flags.split())}){between})(?P<v>(?!-){_WORD})"
    )


_FLAG_OF = {
    program: _flag(flags, between)
    for programs, flags, between in _FLAGS_OF
    for program in programs.split()
}
_COMMAND = re.compile(
    rf"(?<![\w-])(?<!\baz )(?P<program>{any_of(list(_FLAG_OF))})(?![\w-])"
    rf"(?:[^\n|;&\\]|&(?:quot|\#\w{{2,3}});|{_NEXT_ARGUMENT}|\\{{1,15}}(?:\r?\n|[^n])){{1,400}}"
)
_ANY_FLAG = re.compile(r"[\s\"']-[a-zA-Z]")


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


_TITLE = re.compile(r"(?i)(?:token|password|secret|key|passphrase|credentials?)[^\n:\\]{0,48}\Z")


def without_placed(text: str) -> str:
    """The text without credentials that are known by where they stand."""
    text = without_credentials_of_urls(text)
    lowered = text.lower()
    if _ANY_FLAG.search(text):
        text = _COMMAND.sub(_without_values, text)
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
    "requirepass",
    "masterauth",
    "bindpw",
    "rootpw",
    "key-string",
)


def _without_values(command: re.Match[str]) -> str:
    doubtful = command["program"].startswith(_ALSO_A_WORD)

    def hidden(found: re.Match[str]) -> str:
        value = found["v"]
        if is_placeholder(value) or (doubtful and not looks_secret(value)):
            return found[0]
        return f"{found['before']}{MARK}"

    return _FLAG_OF[command["program"]].sub(hidden, command[0])


def _without_value(match: re.Match[str]) -> str:
    value = match["v"]
    if "dense" in match.re.groupindex and not is_dense(value):
        return match[0]
    if "below" in match.re.groupindex and not _TITLE.search(
        match.string, max(0, match.start() - 60), match.start()
    ):
        return match[0]
    value = value.rstrip("])}>.,;:!?")
    sure = "sure" in match.re.groupindex or match[0].lstrip().lower().startswith(_SURE)
    if is_placeholder(value) or not (sure or looks_secret(value)):
        return match[0]
    start, end = match.start("v") - match.start(), match.end("v") - match.start()
    return f"{match[0][:start]}{MARK}{match[0][end:]}"
