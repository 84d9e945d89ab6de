# Copyright 2026 The dseg_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Backbones: every layout of weights loads, wrong ones are refused by name, no network is said."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.config.backbone import BackboneConfig
from dseg_ros.models.backbones import (
    Backbone, fetched, load_backbone, load_encoder, TimmNetwork)
from dseg_ros.models.weights_file import BackboneError, read_weights
import numpy as np
import onnx
from onnx import helper, TensorProto
import pytest
from safetensors.torch import save_file
import timm
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
import torch
from torch import Tensor

NAME = 'test_vit'
"""A ViT of timm that is made for tests: 0.37 M parameters, patches of 16 px."""


def network(**changes: int) -> VisionTransformer:
    """Build timm's test ViT with random weights."""
    return timm.create_model(NAME, num_classes=0, dynamic_img_size=True, **changes)


@pytest.fixture(scope='module')
def weights() -> dict[str, Tensor]:
    """Give weights of that network, none of them constant."""
    torch.manual_seed(0)
    return {k: torch.randn_like(v) * 0.1 for k, v in network().state_dict().items()}


def loaded(path: Path) -> Backbone:
    """Load a file as the test network, on the CPU."""
    return load_backbone(BackboneConfig(name=NAME, weights=str(path), device='cpu'))


def expected(weights: dict[str, Tensor], pixels: np.ndarray) -> np.ndarray:
    """Compute tokens with timm alone."""
    model = network().eval()
    model.load_state_dict(weights)
    with torch.no_grad():
        return model.forward_features(torch.from_numpy(pixels)).numpy()


@pytest.mark.parametrize('layout', ['plain', 'dino', 'state_dict', 'module', 'with_head'])
@pytest.mark.parametrize('suffix', ['.safetensors', '.pth'])
def test_every_layout_gives_the_same_tokens(weights: dict[str, Tensor], layout: str, suffix: str,
                                            tmp_path: Path) -> None:
    """What training codes wrap around the weights is taken off; the tokens are timm's own."""
    content: dict = {
        'plain': weights,
        'dino': {'student': {'module.backbone.x': torch.ones(1)},
                 'teacher': {**{f'module.backbone.{k}': v for k, v in weights.items()},
                             'module.head.mlp.0.weight': torch.ones(2, 2)}, 'epoch': 3},
        'state_dict': {'state_dict': weights, 'epoch': 3},
        'module': {f'module.{k}': v for k, v in weights.items()},
        'with_head': {**weights, 'head.weight': torch.ones(5, 64)}}[layout]
    path = tmp_path / f'file{suffix}'
    if suffix == '.pth':
        torch.save(content, path)
    elif layout in ('dino', 'state_dict'):
        pytest.skip('safetensors does not nest')
    else:
        save_file(content, path)
    pixels = np.random.default_rng(0).normal(size=(2, 3, 32, 48)).astype(np.float32)
    cls, patches = loaded(path).describe(pixels)
    tokens = expected(weights, pixels)
    assert patches.shape == (2, 2, 3, 64) and cls.shape == (2, 64)
    np.testing.assert_allclose(cls, tokens[:, 0], atol=1e-5)
    np.testing.assert_allclose(patches[1, 1, 2], tokens[1, -1], atol=1e-5)


def test_a_position_embedding_of_another_size_is_interpolated(weights: dict[str, Tensor],
                                                              tmp_path: Path) -> None:
    """A constant one stays constant on the network's own grid."""
    position = torch.full((1, 1 + 7 * 7, 64), 0.25)
    save_file({**weights, 'pos_embed': position}, tmp_path / 'f.safetensors')
    model = network()
    assert model.pos_embed.shape[1] != 50
    load_encoder(model, tmp_path / 'f.safetensors', NAME)
    assert torch.allclose(model.pos_embed, torch.tensor(0.25), atol=1e-5)


def test_dinov2s_names_are_known(tmp_path: Path) -> None:
    """Registers and layer scale of its own layout find their places; other patches do not fit."""
    def small(px: int) -> VisionTransformer:
        return VisionTransformer(img_size=4 * px, patch_size=px, embed_dim=12, depth=1,
                                 num_heads=2, num_classes=0, reg_tokens=4, init_values=1e-5,
                                 no_embed_class=True, dynamic_img_size=True)

    ours = small(14)
    own = {k.replace('reg_token', 'register_tokens'): v for k, v in ours.state_dict().items()}
    own['mask_token'] = torch.zeros(1, 12)
    own['pos_embed'] = torch.cat([torch.full((1, 1, 12), 2.0), own['pos_embed']], 1)
    torch.save(own, tmp_path / 'dinov2.pth')
    model = small(14)
    load_encoder(model, tmp_path / 'dinov2.pth', 'small')
    assert torch.equal(model.pos_embed, ours.pos_embed)
    assert torch.equal(model.cls_token, ours.cls_token + 2)
    with pytest.raises(BackboneError, match='12x3x14x14 in the file, 12x3x16x16 in the network'):
        load_encoder(small(16), tmp_path / 'dinov2.pth', 'small')


def test_dinov3s_kind_of_vit_is_taken(tmp_path: Path) -> None:
    """It has rotary positions and registers; its tokens are timm's own."""
    def small() -> Eva:
        return Eva(img_size=32, patch_size=16, embed_dim=32, depth=1, num_heads=2, num_classes=0,
                   num_reg_tokens=4, use_abs_pos_emb=False, use_rot_pos_emb=True,
                   dynamic_img_size=True)

    ours, model = small().eval(), small()
    save_file(ours.state_dict(), tmp_path / 'f.safetensors')
    load_encoder(model, tmp_path / 'f.safetensors', 'small')
    backbone = Backbone(TimmNetwork(model, torch.device('cpu')), 'small', '', (0, 0, 0),
                        (1, 1, 1))
    pixels = torch.randn(1, 3, 32, 48)
    cls, patches = backbone.describe(pixels.numpy())
    with torch.no_grad():
        tokens = ours.forward_features(pixels)
    assert tokens.shape == (1, 1 + 4 + 6, 32) and patches.shape == (1, 2, 3, 32)
    np.testing.assert_allclose(cls, tokens[:, 0], atol=1e-5)
    np.testing.assert_allclose(patches[0, 1, 2], tokens[0, -1], atol=1e-5)


@pytest.mark.parametrize(('change', 'message'), [
    ({'patch_embed.proj.weight': torch.zeros(64, 3, 8, 8)},
     'patch_embed.proj.weight is 64x3x8x8 in the file, 64x3x16x16 in the network'),
    ({'cls_token': None}, 'cls_token 1x1x64 is not in the file'),
    ({'blocks.99.norm1.weight': torch.zeros(64)},
     'blocks.99.norm1.weight 64 is not in the network'),
    ({'norm.weight': torch.zeros(32), 'norm.bias': torch.zeros(32), 'cls_token': None,
      'blocks.0.norm1.bias': None}, ' and 1 more'),
])
def test_the_wrong_backbone_for_a_file_is_named(weights: dict[str, Tensor], tmp_path: Path,
                                                change: dict[str, Tensor | None],
                                                message: str) -> None:
    """The error names file, network and the first keys and shapes that do not fit."""
    path = tmp_path / 'f.safetensors'
    save_file({k: v for k, v in {**weights, **change}.items() if v is not None}, path)
    with pytest.raises(BackboneError) as error:
        loaded(path)
    assert str(error.value).startswith(f'{path}: not the weights of {NAME}: ')
    assert message in str(error.value)


def test_the_wrong_name_for_a_real_file_is_refused(weights: dict[str, Tensor],
                                                   tmp_path: Path) -> None:
    """A small ViT's file is not taken for another ViT."""
    save_file(weights, tmp_path / 'f.safetensors')
    with pytest.raises(BackboneError, match='cls_token is 1x1x64 in the file, 1x1x192 in the '
                                            'network'):
        load_backbone(BackboneConfig(name='vit_tiny_patch16_224', device='cpu',
                                     weights=str(tmp_path / 'f.safetensors')))


class Evil:
    """Something that unpickling would run."""

    def __reduce__(self) -> tuple:
        """End the process when unpickled."""
        return (exec, ('raise SystemExit',))


def test_damaged_and_dangerous_files_are_refused(tmp_path: Path) -> None:
    """No file is run, none is half read."""
    torch.save({'a': Evil()}, tmp_path / 'evil.pth')
    (tmp_path / 'cut.safetensors').write_bytes(b'\x08')
    (tmp_path / 'cut.pth').write_bytes(b'PK\x03')
    (tmp_path / 'cut.onnx').write_bytes(b'\x08')
    (tmp_path / 'weights.npz').write_bytes(b'')
    torch.save([1, 2], tmp_path / 'list.pth')
    for name, message in (('evil.pth', 'cannot be read'), ('cut.safetensors', 'cannot be read'),
                          ('cut.pth', 'cannot be read'), ('cut.onnx', 'cannot be read'),
                          ('weights.npz', "unknown kind of file '.npz'"),
                          ('list.pth', 'holds no tensors'), ('none.pth', 'no such weights file'),
                          ('none.onnx', 'no such weights file')):
        with pytest.raises(BackboneError, match=message):
            loaded(tmp_path / name)


def test_without_a_network_the_file_to_fetch_is_named(tmp_path: Path) -> None:
    """The error says what to fetch and where to put it; put there, it is taken."""
    config = BackboneConfig(folder=str(tmp_path / 'kept'))
    with pytest.raises(BackboneError) as error:
        fetched(config, hub='http://127.0.0.1:9')
    place = tmp_path / 'kept' / f'{config.name}.safetensors'
    assert str(error.value).endswith(
        'fetch http://127.0.0.1:9/timm/vit_small_patch16_224.dino/resolve/main/model.safetensors '
        f'elsewhere and put it at {place}')
    place.write_bytes(b'x')
    assert fetched(config, hub='http://127.0.0.1:9') == place


def test_a_fetched_file_is_kept(tmp_path: Path) -> None:
    """It is fetched once, as a whole."""
    served = tmp_path / 'hub/timm/vit_small_patch16_224.dino/resolve/main/model.safetensors'
    served.parent.mkdir(parents=True)
    served.write_bytes(b'weights')
    config = BackboneConfig(folder=str(tmp_path / 'kept'))
    for _ in range(2):
        assert fetched(config, hub=(tmp_path / 'hub').as_uri()).read_bytes() == b'weights'
        served.unlink(missing_ok=True)
    assert len(list((tmp_path / 'kept').iterdir())) == 1


@pytest.mark.parametrize(('name', 'message'), [
    ('vit_small_patch17', 'timm has no such model'), ('resnet18', 'is no ViT'),
    ('test_vit.no_such_tag', 'no such')])
def test_unknown_names_are_refused(name: str, message: str, tmp_path: Path) -> None:
    """A name that timm does not have, or a network without tokens."""
    with pytest.raises(BackboneError, match=message):
        load_backbone(BackboneConfig(name=name, weights=str(tmp_path / 'none.pth')))


def test_sizes_that_do_not_fit_are_named(weights: dict[str, Tensor], tmp_path: Path) -> None:
    """An image must be made of whole patches."""
    save_file(weights, tmp_path / 'f.safetensors')
    with pytest.raises(BackboneError, match='40x32 px, it takes multiples of 16 px'):
        loaded(tmp_path / 'f.safetensors').describe(np.zeros((1, 3, 32, 40), np.float32))


def onnx_file(path: Path, batch: int | str, tokens: int) -> Path:
    """Write a graph whose tokens are the means of 32x32 images, [CLS] first."""
    image = helper.make_tensor_value_info('x', TensorProto.FLOAT, [batch, 3, 32, 32])
    out = helper.make_tensor_value_info('y', TensorProto.FLOAT, [batch, tokens, 3])
    ones = onnx.numpy_helper.from_array(np.ones((1, tokens, 1), np.float32), 'ones')
    axes = onnx.numpy_helper.from_array(np.array([2, 3]), 'axes')
    one = onnx.numpy_helper.from_array(np.array([1]), 'one')
    nodes = [helper.make_node('ReduceMean', ['x', 'axes'], ['m'], keepdims=0),
             helper.make_node('Unsqueeze', ['m', 'one'], ['u']),
             helper.make_node('Mul', ['u', 'ones'], ['y'])]
    model = helper.make_model(helper.make_graph(nodes, 'g', [image], [out], [ones, axes, one]),
                              opset_imports=[helper.make_opsetid('', 18)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize('batch', [1, 'batch'])
def test_an_onnx_file_runs_as_it_is(batch: int | str, tmp_path: Path) -> None:
    """Its size is read from it, a fixed batch of one is fed one by one."""
    backbone = loaded(onnx_file(tmp_path / 'net.onnx', batch, 5))
    assert backbone.network.patch_px == 16 and backbone.network.fixed_px == (32, 32)
    pixels = np.stack([np.full((3, 32, 32), v, np.float32) for v in (1, 2)])
    cls, patches = backbone.describe(pixels)
    assert cls.tolist() == [[1] * 3, [2] * 3] and patches.shape == (2, 2, 2, 3)
    with pytest.raises(BackboneError, match='net: image of 64x64 px, it takes 32x32 px'):
        backbone.describe(np.zeros((1, 3, 64, 64), np.float32))


def test_onnx_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    """Tokens must be [CLS] and a grid of patches."""
    path = onnx_file(tmp_path / 'net.onnx', 1, 3000)
    with pytest.raises(BackboneError, match='3000 tokens for 32x32 px fit no patches'):
        loaded(path)


def test_read_weights_names_an_empty_file(tmp_path: Path) -> None:
    """A file without tensors has nothing to give."""
    save_file({}, tmp_path / 'empty.safetensors')
    with pytest.raises(BackboneError, match='holds no tensors'):
        read_weights(tmp_path / 'empty.safetensors')
