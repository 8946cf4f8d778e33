"""The words of the fictional company: names of people, objects and settings."""

from __future__ import annotations

from typing import NamedTuple

FIRST_NAMES = (
    "Sanne", "Daan", "Lotte", "Joris", "Zoë", "Bram", "Femke", "Thijs", "Anouk", "Ruben", "Maud", "Jasper", "Noor",
    "Söğüt", "Çağla", "Łukasz", "Małgorzata", "Siobhán", "Renée", "José", "Inês", "Jürgen", "Åsa", "Øyvind", "Chloë",
    "Emily", "Marcus", "Priya", "Tyrell", "Grace", "Hannah", "Diego", "Aaliyah", "Kevin", "Olivia", "Samir", "Wei",
    "美咲", "伟", "Дмитрий", "Ελένη", "فاطمة", "שירה", "지훈",
)  # fmt: skip
LAST_NAMES = (
    "de Vries", "van den Berg", "Jansen", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "van der Linden", "Bos",
    "O'Brien", "Nuñez", "Müller", "Kowalski", "Håkansson", "D'Souza", "Okafor", "Nguyễn", "Johnson", "Carter",
    "Reyes", "Patel", "Ivanov", "Yılmaz", "Lindqvist", "Ferreira", "佐藤", "Zhang", "Haddad", "Walker",  # noqa: RUF001
)  # fmt: skip
ROLES = ("Agent", "Agent", "Agent", "Agent", "Light Agent", "Team Lead", "Billing Admin")

TEAMS = ("Tier 1", "Tier 2", "Billing", "Returns", "VIP", "Onboarding", "Press", "Logistics", "Fraud", "Partners")
SUBJECTS = (
    "refund", "late delivery", "password reset", "invoice copy", "damaged item", "wrong size", "gift card",
    "address change", "warranty", "cancellation", "café order", "Retoure · DE", "order #", "chargeback",
    "webhook setup", "link to the shop",
)  # fmt: skip
LANGUAGES = ("English", "Nederlands", "Deutsch", "Français", "Español", "Polski", "日本語")
GREETINGS = (
    "Hi {{ticket.requester.first_name}},", "Beste {{ticket.requester.first_name}},",
    "Guten Tag {{ticket.requester.name}},", "Bonjour {{ticket.requester.first_name}},",
    "Hola, {{ticket.requester.first_name}}:", "Dzień dobry {{ticket.requester.first_name}},",
    "{{ticket.requester.name}} 様",
)  # fmt: skip
TEXTS = (
    "thanks for your message about the %s. We are on it and come back to you within a day.",
    "bedankt voor je bericht over %s. We sturen het door naar het juiste team.",
    "vielen Dank für Ihre Nachricht (%s). Wir kümmern uns darum und melden uns.",
    "merci pour votre message : %s. Nous revenons vers vous au plus vite.",
    "gracias por escribirnos sobre %s. Te contestamos en un día laborable.",
    "dziękujemy za wiadomość (%s). Odpowiemy w ciągu jednego dnia.",
    "%s についてお問い合わせいただきありがとうございます。担当者よりご連絡いたします。",
)
LINK_TEXTS = ("See %s", "Kijk op %s", "Mehr dazu: %s", "Plus d'infos : %s", "Más en %s", "Więcej: %s", "詳しくは %s")
SIGNATURES = (
    "Kind regards,\n{{current_user.first_name}}", "Met vriendelijke groet,\n{{current_user.first_name}}",
    "Mit freundlichen Grüßen\n{{current_user.name}}", "Cordialement,\nl'équipe support",
    "Un saludo,\n{{current_user.first_name}}", "Pozdrawiamy\nzespół wsparcia", "サポートチーム",
)  # fmt: skip
OWN_LINKS = (
    "https://{subdomain}.zendesk.com/hc/en-us/articles/360001094593-Returns",
    "https://{subdomain}.zendesk.com/hc/nl/articles/360001094713",
    "https://{subdomain}.zendesk.com/hc/requests/{{{{ticket.id}}}}",
)
OTHER_LINKS = (
    "https://shop.example.com/orders", "https://www.example.com/size-guide?lang=de", "https://track.courier.example/nl",
    "https://status.example.net", "https://forms.example.org/refund", "http://maps.example.org/store/12",
)  # fmt: skip
"""Links to the account's own help centre, and to other hosts."""
CUSTOMERS = (
    "Bakkerij 't Hoekje", "Fietsen & Zo B.V.", "Smørrebrød ApS", "Grüne Küche GmbH", "Acme Corp", "Northwind Traders",
    "Łódź Logistics", "Contoso, Ltd.", "Kaffe <3 Kaker", "東京書店", "Globex", "Umbrella \"Retail\"", "Initech",
)  # fmt: skip
APPS = ("Jira", "Salesforce", "Slack", "Shopify", "Harvest", "Trello", "Time Tracking", "Five Most Recent", "Aircall")
INTEGRATIONS = ("warehouse sync", "Power BI", "chat bot", "terraform", "status page", "CRM bridge", "returns portal")


class Setting(NamedTuple):
    """An on/off setting. Today's log puts the page before the name, old records have only `legacy_name`."""

    page: str
    name: str
    legacy_name: str


TWO_FACTOR = Setting("Security", "Require two-factor authentication", "Require Two Factor")
IP_RESTRICTIONS = Setting("Security", "Enable IP restrictions", "IP restrictions")
ACCOUNT_ASSUMPTION = Setting("Security", "Enable Account assumption", "Account Assumption")
CREDIT_CARD_REDACTION = Setting("Tickets", "Credit Card Redaction", "Credit Card Redaction")
SINGLE_SIGN_ON = Setting("Security", "Single sign-on (SSO) for team members", "Single Sign-On")

SETTINGS = (
    Setting("Tickets", "Allow CCs on tickets", "CCs"),
    Setting("Tickets", "Agents can edit tags", "Tags on tickets"),
    Setting("Tickets", "Suspended ticket notifications", "Suspended ticket notifications"),
    Setting("Customers", "Anyone can submit tickets", "Anybody can submit tickets"),
    Setting("Customers", "Ask users to register", "Ask users to register"),
    Setting("Customers", "Email blocklist", "Blacklist"),
    Setting("Channels", "Web Widget", "Web Widget"),
    Setting("Channels", "Rich content in emails", "Rich content in emails"),
    Setting("Satisfaction", "Customer satisfaction surveys", "Satisfaction ratings"),
    Setting("Mobile", "Zendesk Support Mobile App Access", "Zendesk Support Mobile App Access"),
    Setting("Agents", "Automatic assignment", "Automatic assignment"),
    Setting("Zendesk API", "Token access", "Token access"),
    CREDIT_CARD_REDACTION,
    IP_RESTRICTIONS,
)

SIGN_IN_METHODS = {
    "password": "Successful sign-in using Zendesk password from https://{subdomain}.zendesk.com/access/login",
    "jwt": "Successful sign-in using JWT from https://{subdomain}.zendesk.com/access/jwt",
    "saml": "Successful sign-in using SAML from https://{subdomain}.zendesk.com/access/saml",
    "google": "Successful sign-in using Google from https://{subdomain}.zendesk.com/access/google",
    "sso": "Successful sign-in using SSO from https://login.{subdomain}.example/oauth2",
}
WORKWEEKS = (
    "{&quot;mon&quot;:{&quot;09:00&quot;:&quot;17:00&quot;},&quot;fri&quot;:{&quot;09:00&quot;:&quot;16:00&quot;}}",
    "{&quot;mon&quot;:{&quot;08:00&quot;:&quot;18:00&quot;},&quot;fri&quot;:{&quot;08:00&quot;:&quot;18:00&quot;}}",
    "{:mon=&gt;{\"09:00\"=&gt;\"17:00\"}, :sat=&gt;{\"10:00\"=&gt;\"14:00\"}}",
    "{}",
)  # fmt: skip
UNDOCUMENTED = (
    ("restored", "zendesk/backup/snapshot", "Snapshot: nightly", "Restored 1,204 objects"),
    ("approved", "zendesk/ai_agents/procedure", "Procedure: Refund under €50", ""),
    ("viewed", "zendesk/secrets/vault_item", "Vault item: courier API", ""),
    ("create", "zendesk/omnichannel/routing_queue", "Queue: Überlauf", "Priority changed from not set to 3"),
)
STRUCTURE: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("ticket_field", "Ticket field: Order number", "Required", ("true", "false")),
    ("ticket_field", "Ticket field: Café", "Options", ("Jordaan", "Jordaan to Oost", "Jordaan, Oost, Zuid")),
    ("ticket_form", "Ticket form: Contact us", "Title", ("Contact us", "Neem contact op", "Ask us")),
    ("sla/policy", "SLA policy: Premium", "First reply time", ("1 hour", "2 hours", "4 hours")),
    ("sla/policy", "SLA policy: Standard", "Next reply time", ("8 hours", "12 hours", "24 hours")),
    ("brand", "Brand: Fietsen & Zo", "Name", ("Fietsen & Zo", "Fietsen en Zo")),
    ("permission_set", "Role: Team Lead", "Manage business rules", ("none", "personal", "all")),
    ("permission_set", "Role: Billing Admin", "View invoices", ("false", "true")),
    ("custom_field/field", "User field: Loyalty tier", "Options", ("Gold", "Gold, Platinum", "Silver, Gold, Platinum")),
    ("recipient_address", "Support address: help@example.com", "Name", ("Help", "Service", "Klantenservice")),
    ("account", "Account: Account", "Max agents", ("40", "45", "50", "60")),
    (
        "webhook",
        "Webhook: warehouse sync",
        "Endpoint",
        ("https://hooks.example.com/in", "https://hooks.example.com/v2"),
    ),
    ("group", "Group: Weekend crew", "", ()),
    ("custom_status", "Status: Waiting on courier", "", ()),
    ("custom_status", "Status: In repair", "", ()),
)
"""Objects that administrators change: source type, label, field and its values. Those without a field come and go."""
