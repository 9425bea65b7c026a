"""What a customer gets to see."""

from dataclasses import dataclass

from shop.templates import template


@dataclass(frozen=True)
class Order:
    sku: str
    count: int
    price: float

    @property
    def total(self) -> float:
        return self.count * self.price


def receipt(order: Order) -> str:
    return fill("receipt", count=str(order.count), sku=order.sku, total=f"{order.total:.2f}")


def greeting() -> str:
    return fill("greeting")


def fill(name: str, **values: str) -> str:
    return template(name).substitute(values)
