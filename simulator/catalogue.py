"""What is sold and who buys it, made by Faker. One catalogue seed is one shop, whatever the orders."""

import json
import random
import re
from dataclasses import dataclass

from faker import Faker

from simulator.regions import REGIONS, Region

# Category: its nouns, and the lowest and highest usual price in cents.
CATEGORIES: dict[str, tuple[tuple[str, ...], int, int]] = {
    "Audio": (("Headphones", "Speaker", "Soundbar", "Turntable", "Earbuds", "Microphone"), 1_900, 49_900),
    "Books": (("Cookbook", "Atlas", "Novel", "Field Guide", "Anthology", "Biography"), 700, 5_900),
    "Computing": (("Laptop", "Keyboard", "Monitor", "Mouse", "Dock", "Router"), 1_500, 219_900),
    "Fashion": (("Jacket", "Sneakers", "Scarf", "Jeans", "Cardigan", "Belt"), 1_200, 18_900),
    "Garden": (("Planter", "Pruner", "Hammock", "Lantern", "Hose", "Trowel"), 800, 24_900),
    "Grocery": (("Coffee", "Olive Oil", "Tea", "Granola", "Chocolate", "Pasta"), 300, 3_900),
    "Health": (("Thermometer", "Vitamins", "Massager", "Toothbrush", "Scale", "Sunscreen"), 500, 12_900),
    "Home": (("Desk Lamp", "Armchair", "Rug", "Bookcase", "Duvet", "Mirror"), 1_400, 89_900),
    "Kitchen": (("Kettle", "Blender", "Knife", "Skillet", "Toaster", "Scale"), 1_100, 39_900),
    "Outdoor": (("Tent", "Backpack", "Stove", "Sleeping Bag", "Headlamp", "Cooler"), 1_600, 44_900),
    "Pets": (("Leash", "Cat Tree", "Aquarium", "Dog Bed", "Feeder", "Carrier"), 600, 19_900),
    "Toys": (("Puzzle", "Board Game", "Model Kit", "Kite", "Train Set", "Plush Bear"), 500, 14_900),
}
PRODUCTS = 504
CUSTOMERS_PER_REGION = 1_500


@dataclass(frozen=True, slots=True)
class Product:
    """One product; `json_fields` is its part of an order line, ready to be pasted."""

    product_id: str
    name: str
    category: str
    price_cents: int
    json_fields: str


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer; `json_fields` is the customer's part of an order, with region and country."""

    customer_id: str
    country: str
    json_fields: str


def _json_fields(**fields: str) -> str:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)[1:-1]


def make_products(seed: int) -> list[Product]:
    """The shop's products, ids in order of the categories."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    draw = random.Random(f"products {seed}")  # noqa: S311 - a reproducible shop, not a secret
    names = list(CATEGORIES)
    return [_product(number, names[number % len(names)], fake, draw) for number in range(PRODUCTS)]


def _product(number: int, category: str, fake: Faker, draw: random.Random) -> Product:
    nouns, lowest, highest = CATEGORIES[category]
    colour = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", fake.color_name())
    name = f"{fake.last_name()} {colour} {nouns[number // len(CATEGORIES) % len(nouns)]}"
    # Cheap things outnumber dear ones, and prices end in 9 or 0 as in a shop.
    price = round(lowest * (highest / lowest) ** (draw.random() ** 1.6) / 10) * 10 - draw.choice((0, 1))
    product_id = f"P-{number + 1:04d}"
    fields = _json_fields(product_id=product_id, product_name=name, category=category)
    return Product(product_id, name, category, price, fields)


def make_customers(seed: int) -> list[list[Customer]]:
    """The customers of every region, in the order of `REGIONS`."""
    return [_customers_of(region, seed) for region in REGIONS]


def _customers_of(region: Region, seed: int) -> list[Customer]:
    fake = Faker(list(region.locales))
    fake.seed_instance(seed)
    draw = random.Random(f"customers {region.name} {seed}")  # noqa: S311 - a reproducible shop, not a secret
    countries = draw.choices(list(region.countries), list(region.countries.values()), k=CUSTOMERS_PER_REGION)
    return [_customer(number, region.name, country, fake) for number, country in enumerate(countries, 1)]


def _customer(number: int, region: str, country: str, fake: Faker) -> Customer:
    customer_id = f"C-{region}-{number:05d}"
    email = f"{fake.user_name()}.{number}@{fake.safe_domain_name()}"
    fields = _json_fields(customer_id=customer_id, customer_email=email, region=region, country=country)
    return Customer(customer_id, country, fields)
