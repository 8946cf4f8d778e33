"""Masking by a corpus: secrets of many kinds are hidden, ordinary descriptions stay."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice

import duckdb
import pytest

from zendesk_audit_assets.emulator import HistoryOptions
from zendesk_audit_assets.emulator.history import HistoryGenerator
from zendesk_audit_assets.masking import mask, mask_sql

# No secret of anybody: the letters of the alphabet, with digits between them.
WORD = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
UPPER = "A1B2C3D4E5F6G7H8I9J0K1L2"
UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

KINDS = {
    # How each looks in a text, with {} in the place of the secret; and the secret.
    "AWS secret key": (["aws_secret_access_key = {}", "AWS_SECRET_ACCESS_KEY={}", '"SecretAccessKey": "{}"'], WORD),
    "AWS access key": (["key {} in use", "id=({})"], f"AKIA{UPPER[:16]}"),
    "Stripe key": (["stripe_api_key={}", "uses {} now"], f"sk_live_{WORD[:24]}"),
    "Stripe webhook": (["{}", "endpoint {}, live"], f"whsec_{WORD[:32]}"),
    "Zendesk key": (["zendesk_api_key: {}", "Zendesk API key: {}", "zendesk-api-key={}"], WORD[:20]),
    "private key by name": (["my_private_key: {}", "PRIVATE-KEY={}", "ssh_key={}"], WORD),
    "secret key": (["secret_key={}", "django SECRET_KEY = '{}'", "client_secret_key: {}"], WORD[:24]),
    "encryption key": (["encryption_key={}", "Encryption key: {}", "hmac_key={}", "signing key: {}"], HEX),
    "shared secret": (["Shared secret changed from not set to {}", "shared_key: {}", "jwt={}"], WORD[:24]),
    "shared secret, again": (["Shared secret changed from old to {}", "Secret changed from a b to {}"], WORD[:24]),
    "pwd": (["pwd={}", "db_pwd: {}", "PWD='{}'"], "hunter2!x"),
    "pass": (["pass: {}", "smtp_pass={}", "PASS={}"], "hunter2!x"),
    "password": (["password={}", "Password: {}", 'password: "{}"', "MYSQL_ROOT_PASSWORD={}"], "hunter2!x"),
    "password of several words": (['password="{}"', "passphrase = '{}'"], "correct horse, battery"),
    "one-time password": (["otp: {}", "mfa_otp={}"], "493201"),
    "Dutch": (["wachtwoord: {}", "Wachtwoord={}", "toegangscode: {}"], "hunter2!x"),
    "German": (["Passwort: {}", "passwort={}", "Kennwort: {}"], "hunter2!x"),
    "French": (["Mot de passe : {}", "mot de passe: {}", "clé API : {}", "jeton: {}"], "hunter2!x"),
    "Spanish": (["contraseña: {}", "Contraseña={}", "clave: {}"], "hunter2!x"),
    "Portuguese": (["senha: {}", "Senha={}"], "hunter2!x"),
    "Japanese": (["パスワード\uff1a{}", "パスワード: {}", "暗証番号={}"], "hunter2!x"),
    "Chinese, Korean, Russian": (["密码\uff1a{}", "비밀번호: {}", "пароль: {}", "Пароль={}"], "hunter2!x"),
    "GitHub": (["{}", "token is {}"], f"ghp_{WORD[:36]}"),
    "GitHub, fine-grained": (["{}", "with {}."], f"github_pat_{UPPER}_{WORD}"),
    "GitLab": (["{}", "PRIVATE-TOKEN: {}"], f"glpat-{WORD[:20]}"),
    "Slack bot": (["{}", "bot {}"], "xoxb-" + "123456789012-" + WORD[:24]),
    "Slack app": (["{}", "app {}"], "xapp-" + "1-A0B1C2-" + HEX),
    "Slack, rotated": (["{}", "refresh with {}"], "xoxe.xoxp-" + "1-" + WORD),
    "OpenAI": (["{}", "key {} (gpt)"], f"sk-{WORD}"),
    "OpenAI project": (["{}", "uses {}"], f"sk-proj-{WORD}"),
    "Anthropic": (["{}", "uses {}"], f"sk-ant-api03-{WORD}"),
    "SendGrid": (["{}", "mail by {}"], f"SG.{WORD[:22]}.{WORD}"),
    "Google access token": (["{}", "got {}"], f"ya29.{WORD}"),
    "Google client secret": (["{}", "with {}"], f"GOCSPX-{WORD[:28]}"),
    "Google API key": (["{}", "maps?key={}"], f"AIza{WORD[:35]}"),
    "npm": (["{}", "//registry/:_authToken={}"], f"npm_{WORD[:36]}"),
    "PyPI": (["{}", "upload by {}"], f"pypi-{WORD}"),
    "Azure SAS": (["https://x.blob.core.windows.net/c?sv=2024&sig={}", "&sig={}&se=1"], f"{WORD}%3D"),
    "Azure storage": (["AccountName=x;AccountKey={};", "SharedAccessKey={}"], f"{WORD}+/=="),
    "Teams webhook": (["https://acme.webhook.office.com/webhookb2/{}"], f"{UUID}@{UUID}/IncomingWebhook/{HEX}/{UUID}"),
    "Discord webhook": (
        ["https://discord.com/api/webhooks/{}", "https://canary.discordapp.com/api/webhooks/{}"],
        f"123456789012345678/{WORD}",
    ),
    "PagerDuty webhook": (["https://events.pagerduty.com/integration/{}/enqueue", "routing_key: {}"], HEX),
    "Slack webhook": (["https://hooks.slack.com/services/{}"], f"T0001/B0001/{WORD[:24]}"),
    "header of a webhook": (
        [
            '{{"type":"api_key","data":{{"name":"X-Api-Key","value":"{}"}},"add_position":"header"}}',
            '[{{"name":"Authorization","value":"Token {}"}}]', '[{{"key": "X-Acme-Token", "value": "{}"}}]',
            '{{"value":"{}","name":"access_token"}}', '{{"X-Auth":"{}"}}',
            '{{&quot;name&quot;:&quot;token&quot;,&quot;value&quot;:&quot;{}&quot;}}',
        ],
        WORD[:24],
    ),
    "secret in other words": (
        [
            "Shared secret was changed from old to {}", "Secret has been changed from {} to not set",
            "Shared secret set to {}", "Client secret changed to {}", "Token\tchanged from x to {}", "API token {}",
            "Passwords: {}", "<password>{}</password>", '{{"token":["{}"]}}', "Recovery codes: {}",
        ],
        WORD[:24],
    ),
    "key in an address": (["https://x.example/api?code={}", "https://x.example/in?a=1&amp;key={}&amp;b=2"], WORD[:24]),
    "other webhooks": (
        [
            "https://hooks.slack-gov.com/services/{}", "https://discord.com/api/v10/webhooks/{}",
            "https://outlook.office.com/webhook/{}", "https://hooks.zapier.com/hooks/standard/{}",
            "https://hooks.airtable.com/workflows/{}", "https://maker.ifttt.com/trigger/door/with/key/{}",
            "https://chat.acme.example/hooks/{}",
        ],
        WORD[:26],
    ),
    "cookie": (["Cookie: {}", "Set-Cookie: {}", "cookie={}"], f"_zendesk_session={WORD}; path=/"),
    "session": (["session_id={}", "sessionid: {}", "session_key={}"], WORD[:24]),
    "token as user of an address": (["https://{}@host.example/x", "git+https://{}@github.example/a.git"], WORD[:24]),
    "password in an address": (["https://robot:{}@host.example/in", "amqp://u:{}@mq:5672"], "hunter2"),
    "password with @ in an address": (["https://robot:{}@host.example/in"], "hunt@er2"),
    "password with / in an address": (["smtp://AKIAX:{}@mail.example:587"], "Aq+Am/Kfs"),
    "bearer": (["Authorization: Bearer {}", "bearer {}"], WORD),
    "basic": (["Authorization: Basic {}", "basic {}"], "cm9ib3Q6aHVudGVyMg=="),
    "web token": (["{}", "id_token={}"], f"eyJ{WORD}.eyJ{WORD}.{WORD}"),
    "private key": (["-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----"], WORD),
    "private key of SSH2": (
        ["---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----"],
        WORD,
    ),
    "Shopify": (["{}"], f"shpat_{HEX}"),
    "DigitalOcean": (["{}"], f"dop_v1_{HEX}"),
    "Vault": (["{}"], f"hvs.{WORD}"),
    "Databricks": (["{}"], f"dapi{HEX}"),
    "Twilio": (["{}"], f"SK{HEX}"),
    "Mailgun": (["{}"], f"key-{HEX}"),
    "Telegram": (["{}", "https://api.telegram.org/bot{}/sendMessage"], f"1234567890:AA{WORD[:33]}"),
}  # fmt: skip
CORPUS = [(kind, form.format(secret), secret) for kind, (forms, secret) in KINDS.items() for form in forms]


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 100
    assert len(KINDS) >= 40


@pytest.mark.parametrize("kind", KINDS)
def test_every_secret_of_this_kind_is_hidden(kind: str) -> None:
    for one, text, secret in CORPUS:
        if one == kind:
            for around in (text, f"Before {text} after", f"Value changed from x to {text}\nNext line"):
                masked = mask(around)
                assert secret not in masked, around
                assert not [part for part in secret.replace("/", "@").split("@") if len(part) > 3 and part in masked]
                assert mask(masked) == masked


LINES = [f"{line}+/{WORD}" for line in (WORD, UPPER, f"MIIE{UPPER}")]
LATER_LINES = [
    # Each line of a key by itself, as a table of changes has them, and keys without what stands before them.
    *LINES,
    f"{LINES[0]}=",
    *(end.join(LINES) for end in ("\n", "\r\n", "\\n", "\n    ")),
    f"Private-Lines: 3\n{LINES[0]}\n{LINES[1]}\n{WORD}==\nPrivate-MAC: 1",
    f"Secret changed from {LINES[0]}\n{LINES[1]}\n{WORD}== to {LINES[2]}\n{LINES[1]}\nName changed from a to b",
    f"Signing key changed from {LINES[0]}\n{LINES[1]} to {LINES[0]}\n{LINES[1]}",
]


@pytest.mark.parametrize("text", LATER_LINES)
def test_no_later_line_of_a_key_is_shown(text: str) -> None:
    for around in (text, f"First line\n{text}\nNext line"):
        masked = mask(around)
        assert not [part for part in (WORD, UPPER) if part in masked]
        assert mask(masked) == masked
        assert masked.endswith("Next line") == around.endswith("Next line")


def test_the_database_hides_the_same_texts() -> None:
    texts = [text for _, text, _ in CORPUS] + LATER_LINES
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT {mask_sql('t')} FROM (SELECT unnest(?) AS t)", [texts]).fetchall()
    assert [masked for (masked,) in rows] == [mask(text) for text in texts]


@pytest.mark.faults
def test_ten_thousand_ordinary_descriptions_stay_as_they_are() -> None:
    start, end = datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 12, 31, tzinfo=timezone.utc)
    texts = (event.change_description for event in HistoryGenerator(HistoryOptions(start, end, events_per_day=150)))
    ordinary = list(islice((text for text in texts if text), 10_000))
    assert len(ordinary) == 10_000
    assert {text for text in ordinary if mask(text) != text} == set()


@pytest.mark.parametrize(
    "text",
    [
        "Bypass: disabled", "Compass: north-east", "Monkey: business", "Sidebar: collapsed", "Keyboard: azerty123",
        "Password changed", "Password security level changed from Low to Recommended",
        "Title changed from Pass to Fail",
        "See https://help.example.com:443/hc/en-us/articles/360001", "Ask agent@example.com, or sales@example.com",
        "Task-force meeting about risk-management-guidelines", "Secret Santa 2026",
        "Token ring", "API token jira-sync", '{"name":"Subject","value":"Your token is ready"}',
        "Hooks are described at https://acme.example/hooks/overview", "https://acme.example/?key=nl&code=1234567",
        "Tokens per minute changed from 10 to 20",
        HEX * 2, f"{HEX}{HEX}".upper(), HEX * 4, f"uid:\n{HEX}{HEX}\nend",
        f"Fingerprint changed from {HEX}{HEX} to {UUID}\nPath changed from a to b",
        "One word that is long\\nEstablishment/Donaudampfschifffahrtsgesellschaft\nthe end",
    ],
)  # fmt: skip
def test_words_that_resemble_a_secret_stay(text: str) -> None:
    assert mask(text) == text
