"""Whom the demo account knows, and what it sorts them by."""

from typing import Any

from rasl.sandbox.samples.numbering import GROUP_ID, SOURCE_ID, STATUS_ID

PRIYA, LENA, FAY = "+442079460011", "+493023125001", "+15550100003"

# Created in this order, the new tenant's own first: 5 is Shop, 3 is Newsletter. The last of each is nobody's.
SOURCES = ("Instagram", "Shop", "Trade fair")
STATUSES = {"Dormant": "#6B7280"}
GROUPS = ("Customers", "Wholesale", "Newsletter", "Old list")

CONTACTS: tuple[dict[str, Any], ...] = (
    {
        "firstname": "Priya",
        "lastname": "Nair",
        "phone": PRIYA,
        "email": "priya@harbour.test",
        "type": "lead",
        "status_id": STATUS_ID,
        "source_id": SOURCE_ID,
        "company": "Harbour Books",
        "city": "Leeds",
        "zip": "LS1 4AP",
        "country_id": 230,
        "assigned_id": 4,
        "groups": [GROUP_ID],
        "attributes": {"tier": "gold", "visits": 7},
    },
    {
        "firstname": "Tom",
        "lastname": "Baker",
        "phone": "+442079460013",
        "email": "tom@bakery.test",
        "type": "customer",
        "status_id": 3,
        "source_id": 3,
        "company": "Baker & Daughter",
        "city": "York",
        "groups": [1, 3],
        "attributes": {"tier": "silver", "visits": 31},
    },
    {
        "firstname": "Lena",
        "lastname": "Vogt",
        "phone": LENA,
        "email": "lena@leuchtturm.test",
        "type": "customer",
        "status_id": 2,
        "source_id": 4,
        "city": "Berlin",
        "groups": [1],
        "attributes": {"language": "de"},
    },
    {
        "firstname": "Ana",
        "lastname": "Silva",
        "phone": "+351210000001",
        "type": "customer",
        "status_id": 4,
        "source_id": 1,
        "company": "Livraria do Cais",
        "city": "Porto",
        "groups": [2],
        "attributes": {"tier": "gold", "is_vat_exempt": True},
    },
    {"firstname": "Fay", "lastname": "Fails", "phone": FAY, "type": "guest", "status_id": 1, "source_id": 2},
    {
        "firstname": "Old",
        "lastname": "Entry",
        "phone": "+442079460080",
        "type": "guest",
        "status_id": 1,
        "source_id": 2,
    },
)

# Row 5 is wrong on purpose: an import shows which rows failed and why.
IMPORT_NAME = "spring-fair.csv"
IMPORT = """\
First name,Last name,Mobile number,E-Mail,Company,groups,attributes.stand
Maya,Okafor,+442079460021,maya@fair.test,Okafor Prints,Wholesale,A1
Rui,Costa,+351210000002,rui@fair.test,Papelaria Costa,Wholesale;Newsletter,A2
Ines,Marin,+34910000001,ines@fair.test,Marin Libros,Wholesale,B7
Noah,Winter,12-34,noah@fair.test,Winter & Sons,Wholesale,B8
Zoe,Laurent,+33199000001,zoe@fair.test,Maison Laurent,Newsletter,C3
Omar,Haddad,+442079460022,omar@fair.test,,Newsletter,C4
"""
