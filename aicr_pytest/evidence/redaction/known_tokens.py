"""Credentials that are known by their look, whatever stands around them.

The table holds how issuers begin their tokens. What has no known look is found by its name
(``sensitive_names``), or by being random: long, of both cases and digits, in no order of words.
"""

import re
from collections.abc import Callable

from aicr_pytest.evidence.redaction.alternatives import any_of

_URL64 = r"[A-Za-z0-9_-]"
_BASE64 = r"[A-Za-z0-9+/=_-]"

_TABLE: tuple[tuple[str, str], ...] = (
    # Prefixes, and what follows them.
    # NVIDIA, GitHub, GitLab, Atlassian, Slack
    ("nvapi-", rf"{_URL64}{{16,}}+"),
    ("ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"[A-Za-z0-9_]{20,}+"),
    (
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- glffct- gloas- GR1348941",
        rf"{_URL64}{{16,}}+(?:\.[a-z0-9.]{{2,20}})?",
    ),
    ("ATATT3 ATCTT3 ATBB", rf"{_BASE64}{{16,}}+"),
    ("xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- xwfp-", r"[A-Za-z0-9%.-]{10,}+"),
    ("xoxe.xoxb- xoxe.xoxp-", r"[A-Za-z0-9-]{10,}+"),
    # Clouds
    ("AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("ABSK", r"[A-Za-z0-9+/=]{40,}+"),
    ("AIza", rf"{_URL64}{{35}}"),
    ("ya29. 1//0 GOCSPX-", rf"{_URL64}{{16,}}+(?:\.{_URL64}+)*"),
    ("dop_v1_ doo_v1_ dor_v1_ nebius_", r"[A-Za-z0-9]{32,}+"),
    ("LTAI AKID", r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{12,36}(?![A-Za-z0-9])"),
    ("AQVN t1. y0_", rf"{_URL64}{{30,}}+"),
    ("SCW", r"[A-Z0-9]{17}(?![A-Za-z0-9])"),
    ("HRKU- FlyV1 fm1r_ fm2_", r"[A-Za-z0-9+/=,_ -]{30,}+"),
    ("cfat_ cfut_ v1.0-", rf"{_URL64}{{40,}}+"),
    # Models and their tools
    (
        "hf_ api_org_ hf_oauth_ r8_ gsk_ pplx- xai- tvly- fw_ tgp_v1_ jina_ csk-",
        r"[A-Za-z0-9_-]{20,}+",
    ),
    ("sk- sk_live_ sk_test_ rk_live_ rk_test_ sess- esecret_ rpa_", rf"{_URL64}{{20,}}+"),
    ("pcsk_ lsv2_pt_ lsv2_sk_ wandb_v1_ dapi dkea nvcf- phc_ phx_", rf"{_URL64}{{20,}}+"),
    # Registries and builds
    ("dckr_pat_ dckr_oat_ npm_ rubygems_ pypi- oy2 cmVmdGtu AKCp CLOJARS_", rf"{_BASE64}{{20,}}+"),
    ("CCIPAT_ CCIPRJ_ bkua_ squ_ sqp_ sqa_ pul- sgp_ nfp_ sbp_ vercel_ vcp_", rf"{_URL64}{{16,}}+"),
    # Vaults, networks, monitoring, databases
    ("hvs. hvb. hvr. s.hvs.", rf"{_URL64}{{20,}}+"),
    ("dp.pt. dp.st. dp.sa. dp.ct. dp.scim. dp.audit.", r"[A-Za-z0-9._-]{20,}+"),
    ("ops_ tskey-auth- tskey-api- tskey-client- tskey-", rf"{_BASE64}{{12,}}+"),
    ("glsa_ glc_ eyJrIjoi sntrys_ sntryu_ NRAK- NRJS- NRII- hcaik_ ddapi_", rf"{_BASE64}{{16,}}+"),
    ("dt0c01. dt0s01. dt0s16.", r"[A-Z0-9.]{20,}+"),
    ("pscale_tkn_ pscale_pw_ pscale_oauth_ pnu_ pnb_ syt_", r"[A-Za-z0-9_.=-]{20,}+"),
    ("AGE-SECRET-KEY-1 AGE-PLUGIN-", r"[A-Z0-9-]{20,}+"),
    ("sha256~", rf"{_URL64}{{20,}}+"),  # OpenShift
    # Mail, payments, everything else
    ("SG. mlsn.", rf"{_URL64}{{16,}}+(?:\.{_URL64}{{16,}}+)?"),
    ("key-", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("SK AC", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("xkeysib- xsmtpsib- re_", rf"{_URL64}{{24,}}+"),
    ("whsec_ shpat_ shpss_ shpca_ shppa_ sq0atp- sq0csp- EAAA", rf"{_BASE64}{{20,}}+"),
    ("lin_api_ lin_oauth_ ntn_ secret_ figd_ PMAK- rdme_ pat-na1- pat-eu1-", rf"{_URL64}{{20,}}+"),
    ("EZAK EZTK shippo_live_ shippo_test_ duffel_live_ duffel_test_ tfp_", r"[A-Za-z0-9_-]{24,}+"),
    ("Atza| Atzr| amzn.mws. amzn1.oa2-cs.v1.", r"[A-Za-z0-9_.-]{20,}+"),
    ("gAAAAA", rf"{_BASE64}{{40,}}+"),  # Fernet
    # Keys in base64: the beginnings of PEM ("LS0t") and of OpenSSH's own form
    ("LS0tLS1CRUdJTi LS0tLS b3BlbnNzaC1rZXktdjE", rf"{_BASE64}{{8,}}+"),
    ("IQoJb3JpZ2luX2Vj", rf"{_BASE64}{{8,}}+"),  # sessions of AWS
    # Hashes of passwords
    (
        "$1$ $5$ $6$ $7$ $y$ $2a$ $2b$ $2y$ $apr1$ $argon2i$ $argon2id$ $argon2d$ $scrypt$",
        r"[./A-Za-z0-9$=,+]{16,}+",
    ),
    ("$pbkdf2-sha256$ $pbkdf2-sha512$", r"[./A-Za-z0-9$=,+]{16,}+"),
    (
        "SCRAM-SHA-256$ SCRAM-SHA-1$ pbkdf2_sha256$ {SSHA} {SHA} {SSHA512}",
        r"[A-Za-z0-9+/=$:]{16,}+",
    ),
)
_FOLLOWED_BY = {
    prefix: re.compile(body) for prefixes, body in _TABLE for prefix in prefixes.split()
}
_NO_WORD = r"(?<![A-Za-z0-9_-])"
_START = rf"(?:{_NO_WORD}|(?<=\\[nrtu])|(?<=%[237][0-9A-Fa-f]))"
"""Where a token may begin: not within a word, but after a quoted ``\\n`` and ``%3D``."""


def _beginning(form: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A form at a beginning of a word, and the slower one for a text with escapes."""
    return re.compile(_NO_WORD + form, re.VERBOSE), re.compile(_START + form, re.VERBOSE)


_PREFIX = _beginning(any_of(list(_FOLLOWED_BY)))
# Others begin their names so too; only what looks random is taken for a token.
_COMMON = ("sk-", "key-", "re_", "fw_", "secret_", "ops_", "pul-", "sess-", "LTAI", "AKID", "oy2")

_SHAPE = _beginning(
    rf"""(?<!\.)(?:
        eyJ{_URL64}{{8,}}+\.{_URL64}{{8,}}+(?:\.{_URL64}*+){{0,3}}          # JWT, JWE
      | (?:bot)?[0-9]{{6,12}}:AA{_URL64}{{30,}}+                           # Telegram
      | [a-z0-9]{{6}}\.(?=[a-z]*[0-9])[a-z0-9]{{16}}(?![\w.-])             # kubeadm
      | [A-Za-z0-9_.-]{{3}}[0-9]Q~[A-Za-z0-9_.~-]{{28,40}}                 # Entra ID
      | [0-9a-f]{{32}}-us[0-9]{{1,2}}\b                                    # Mailchimp
      | [MNO][A-Za-z0-9]{{23,27}}\.{_URL64}{{6}}\.{_URL64}{{27,40}}        # Discord
      | [A-Za-z0-9]{{14}}\.atlasv1\.{_URL64}{{40,}}+                       # Terraform
      | pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{64}}                                # Airtable
      | (?:sdk|mob|api)-[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}    # LaunchDarkly
      | K10[0-9a-f]{{64}}::[\w.:-]{{8,}}+                                   # k3s
      | access_token\$[a-z]{{4,12}}\$[0-9a-z]{{16}}\$[0-9a-f]{{32}}         # Braintree
      | [0-9a-f]{{32}}-[0-9a-f]{{8}}-[0-9a-f]{{8}}(?![\w-])                 # Mailgun
      | [a-z]{{2,8}}_(?:[a-z]{{2,8}}_)?(?=[a-z]*[0-9])(?=[0-9a-f]*[g-z])[a-z0-9]{{32,}}+(?!\w)
      | s\.(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{{24}}(?![\w.])                    # Vault, before 1.10
    )"""
)
_HOOK = re.compile(
    r"(?:hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/|hooks\.zapier\.com/"
    r"|/webhooks?/|/hooks?/)(?P<v>[A-Za-z0-9@_-][A-Za-z0-9@/_-]{15,}+)"
)
# Also as JSON, YAML and shells write the escape.
_COLOURED = re.compile(r"(?:\x1b|\\{1,15}(?:u001[bB]|x1[bB]|e|033))\[[0-9;:?]{0,32}[A-Za-z]")

# -- random runs -------------------------------------------------------------------------------

_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}+=*")
_LAST_PIECE = re.compile(r"(?<=[-_])[A-Za-z0-9]{24,}+=*\Z")
_CHANGE_OF_CASE = re.compile(r"[a-z](?=[A-Z])|[A-Z](?=[a-z])")
_CHANGE_TO_DIGIT = re.compile(r"[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])")
_HEX = re.compile(r"[0-9A-F]{16}")
_DIGIT = re.compile("[0-9]")
_NEXT_LINE = re.compile(
    r"[ \t]{0,8}(?:\r?\n|\\{1,8}n){1,2}[ \t]{0,64}([A-Za-z0-9+/_.=-]{1,512})"
    r"(?=[ \t]{0,8}(?:[\r\n\\\"'<&]|$))"
)
_NARROWEST = 40
"""Characters of a line of wrapped base64; nobody wraps at fewer."""
_DIGEST = re.compile(
    r"sha(?:256-[A-Za-z0-9+/]{43}=|384-[A-Za-z0-9+/]{64}|512-[A-Za-z0-9+/]{86}==)(?![A-Za-z0-9+/=])"
)
"""Of what is public, as pages (Content-Security-Policy, ``integrity``) and lock files have it."""
_LOOKED_AT = 256
"""Characters of a run that are looked at; random ones are random at once."""


def is_random(run: str) -> bool:
    """Whether a run of letters and digits is in no order of words, as base64 and base62 are not.

    Of such letters a third are followed by one of the other case, a quarter by a digit or follow
    one. Names in camelCase have few digits, identifiers in hexadecimal one case.
    """
    run = run[:_LOOKED_AT]
    length = len(run)
    if run.isalpha() or run.islower():
        return False
    if run.isupper():  # base32
        changes = len(_CHANGE_TO_DIGIT.findall(run))
        return length >= 40 and changes >= 0.09 * length and run.isalnum() and not _HEX.match(run)
    cases, digits = len(_CHANGE_OF_CASE.findall(run)), len(_CHANGE_TO_DIGIT.findall(run))
    if cases < 0.12 * length or run.count("/") > 0.1 * length:
        return False
    # One in ten of 24 letters has few digits by chance.
    return digits >= 0.09 * length or (digits > 0 and cases + digits >= 0.5 * length)


def wrapped_end(text: str, start: int, end: int) -> int:
    """Where a run of letters that is broken into lines of one width ends; ``end`` where it is not.

    Args:
        text: that holds it.
        start: of its first line.
        end: of its first line.
    """
    width = end - start
    while width >= _NARROWEST and (line := _NEXT_LINE.match(text, end)):
        if len(line[1]) > width or line[1].islower() or line[1].isdigit():
            break
        end = line.end(1)
        if len(line[1]) < width:
            break
    return end


def without_colours(text: str) -> str:
    """The text without a terminal's colours; the very same text where there are none."""
    escaped = "\x1b" in text or any(hint in text for hint in ("1b[", "1B[", "\\e[", "033["))
    return _COLOURED.sub("", text) if escaped else text


def without_tokens(text: str) -> str:
    """The text without what looks like a credential by itself."""
    return _taken_out(without_known_tokens(text), _RUN, _end_of_random)


def without_known_tokens(text: str) -> str:
    """The text without tokens that an issuer or a form tells; what is only random stays."""
    escaped = "\\" in text or "%" in text
    text = _taken_out(text, _PREFIX[escaped], _end_of_known)
    text = _taken_out(text, _SHAPE[escaped], lambda match: match.end())
    if "hook" in text:
        text = _HOOK.sub(_without_path, text)
    return text


def _end_of_random(run: re.Match[str]) -> int:
    if _DIGEST.match(run.string, run.start()):
        return 0
    # Whoever puts a name before his tokens puts a sign between the two.
    last = _LAST_PIECE.search(run[0][:_LOOKED_AT])
    return run.end() if is_random(run[0]) or (last and is_random(last[0])) else 0


def _without_path(hook: re.Match[str]) -> str:
    return hook[0].removesuffix(hook["v"]) + "[redacted: token]"


def _end_of_known(prefix: re.Match[str]) -> int:
    body = _FOLLOWED_BY[prefix[0]].match(prefix.string, prefix.end())
    if body is None:
        return 0
    if prefix[0] in _COMMON and len(_DIGIT.findall(body[0][:_LOOKED_AT])) < 3:
        return 0
    return body.end()


def _taken_out(text: str, pattern: re.Pattern[str], end_of: Callable[[re.Match[str]], int]) -> str:
    """The text without what begins with a match and ends where ``end_of`` says; 0: is none."""
    kept, position = [], 0
    for match in pattern.finditer(text):
        if match.start() < position or not (end := end_of(match)):
            continue
        kept += [text[position : match.start()], "[redacted: token]"]
        position = wrapped_end(text, match.start(), end)
    return "".join([*kept, text[position:]]) if kept else text
