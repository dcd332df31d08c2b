#!/usr/bin/env python3
"""Writes fixtures/pytorch: G, D and T as PyTorch computes them, for the tests of restain-net to compare with.

    python scripts/pytorch_parity.py [--base 3] [--out fixtures/pytorch]

Needs torch, numpy and safetensors. Weights and running statistics are random but seeded; generator.safetensors is a
checkpoint of restain (its model card is in the metadata), pair.safetensors holds an input `gm` [2, 2, 64, 128] and
PyTorch's output `rgb` [2, 3, 64, 128] in evaluation mode. discriminator.safetensors holds the parameters of a D of
base width 2 for 64 px, `images` [2, 3, 64, 64] and their `logits` [2] in training mode. resnet18.safetensors and
resnet50.safetensors hold T of width 4 and 2 with an `input` [2, 3, 45, 70], in each mode its `features`, `logits` and the
`gradient` of the sum of logits times `along` with respect to the input, and after training mode some of the running
statistics and weight gradients.
"""
import argparse
import hashlib
import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch_d import Discriminator
from torch_g import Generator
from torch_resnet import ResNet


def randomize(network):
    """Gives every batch norm statistics and parameters of its own."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)


def task_network(depth, width, folder):
    """Writes T of a depth with what it makes of an input whose sides leave odd ones on their way down."""
    torch.manual_seed(depth)
    network = ResNet(depth, width=width)
    randomize(network)
    fixture = {k: v.clone() for k, v in network.state_dict().items() if "num_batches" not in k}
    x, along = torch.rand(2, 3, 45, 70), torch.randn(2, 2)
    fixture |= {"input": x.clone(), "along": along}
    for mode in ("eval", "train"):
        network.train(mode == "train")
        x = x.detach().requires_grad_()
        features = network.features(x)
        logits = network.fc(features)
        (logits * along).sum().backward()
        fixture |= {f"{mode}.{k}": v.detach() for k, v in
                    {"features": features, "logits": logits, "gradient": x.grad}.items()}
        if mode == "eval":
            network.zero_grad()
    name = "layer1.0.conv1.weight"
    fixture[f"train.gradient.{name}"] = network.get_parameter(name).grad
    fixture |= {f"train.{name}": network.get_buffer(name) for name in ("bn1.running_mean", "bn1.running_var")}
    save_file({k: v.contiguous() for k, v in fixture.items()}, folder / f"resnet{depth}.safetensors")
    print(f"ResNet{depth}: logits {logits.min():.3f} to {logits.max():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("fixtures/pytorch"))
    arguments = parser.parse_args()
    torch.manual_seed(1)
    generator = Generator(arguments.base).eval()
    randomize(generator)
    for module in generator.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.weight.data.mul_(2.5)  # so that the output has strong colours, not only middle gray
    gm = torch.rand(2, 2, 64, 128)
    gm[:, 1] = gm[:, 1].round()
    with torch.inference_mode():
        rgb = generator(gm)
    state = {k: v.contiguous() for k, v in sorted(generator.state_dict().items()) if "num_batches" not in k}
    digest = hashlib.sha256()
    for name, tensor in state.items():
        digest.update(f"{name} F32 {list(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    card = {
        "name": "pytorch-parity", "architecture": "restain-g-unet-6", "base": arguments.base,
        "source_style": "none", "trained_on": "nothing: random weights", "licence": "MIT OR Apache-2.0",
        "commit": "none", "mpp": None, "sha256": digest.hexdigest(),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(state, arguments.out / "generator.safetensors", metadata={"restain": json.dumps(card)})
    save_file({"gm": gm.contiguous(), "rgb": rgb.contiguous()}, arguments.out / "pair.safetensors")
    print(f"{sum(t.numel() for t in state.values())} parameters, output {rgb.min():.3f} to {rgb.max():.3f}")
    discriminator(arguments.out / "discriminator.safetensors")
    for depth, width in ((18, 4), (50, 2)):
        task_network(depth, width, arguments.out)


def discriminator(path):
    torch.manual_seed(2)
    network = Discriminator(2, 64)
    with torch.inference_mode():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
        images = torch.rand(2, 3, 64, 64)
        logits = network(images)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file({**state, "images": images, "logits": logits}, path)
    print(f"{sum(value.numel() for value in state.values())} parameters, logits {logits.tolist()}")


main()
